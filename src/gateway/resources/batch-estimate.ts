/**
 * What the requests of a batch may cost, and whether they may be asked at all, told one by one before its vendor hears of
 * it. Promise kept here: a key that is kept to certain models begins no batch of others, wherever its requests stand.
 */
import { checkModelAllowed } from "../../auth/model-allowed.ts";
import { GatewayError, toGatewayError } from "../../core/errors.ts";
import { isObject } from "../../core/json-value.ts";
import type { NanoDollars } from "../../core/money.ts";
import type { BatchInput, BatchReader, BatchRequest, CallFacts } from "../../dialects/contract.ts";
import { getDialect } from "../../dialects/registry.ts";
import { mapModel } from "../../route/plan.ts";
import type { Price } from "../../sync/entities.ts";
import { type Account, servesModels } from "../accounts/choose-account.ts";
import { expectUse } from "../money/expected-use.ts";
import { type JobModels, maxModels } from "../jobs/job-pricing.ts";
import { parseDocument } from "../accounts/parse-document.ts";
import { notPriced } from "../money/money-refusals.ts";
import { estimateAt } from "../money/reserve-amount.ts";
import type { Serving } from "./resource-call.ts";

/** Longest line that is parsed to know its model; nobody writes a longer one that cannot be read here. */
const maxLooseBytes = 1024 * 1024;
/** Vendors take 200,000 at most. */
const maxRequests = 250_000;

export interface BatchEstimateParts {
  readonly serving: Serving;
  readonly account: Account;
  readonly reader: BatchReader;
  readonly input: BatchInput;
  readonly models: JobModels;
  /** Billed names by those that are sent, where they differ. */
  readonly billed: ReadonlyMap<string, string>;
  /** Caps of output that its payers' budgets set aside by; null: none. */
  readonly caps: ReadonlySet<number | null>;
  /** Whether what cannot be read here may not be asked: somebody's money or models depend on it. */
  readonly strict: boolean;
}

/** One request that can be read. */
interface Asked extends BatchRequest {
  readonly facts: CallFacts;
}

export class BatchEstimate {
  readonly #parts: BatchEstimateParts;
  readonly #sums = new Map<number | null, NanoDollars>();
  #count = 0;

  constructor(parts: BatchEstimateParts) {
    this.#parts = parts;
  }

  /** Nano-dollars of all requests so far. */
  sum(outputCap: number | null): NanoDollars {
    return this.#sums.get(outputCap) ?? 0n;
  }

  /** Throws what the whole batch is refused for, naming the request. */
  add(line: Buffer): void {
    this.#count += 1;
    if (this.#count > maxRequests)
      throw refused(`a batch may have ${maxRequests} requests at most`);
    try {
      const asked = this.#read(line);
      if (asked !== undefined) this.#add(asked);
    } catch (thrown) {
      const error = toGatewayError(thrown);
      if (error.kind !== "invalid_request") throw error;
      const detail = `request ${this.#count} of the batch: ${error.message}`;
      throw new GatewayError("invalid_request", detail, { values: { detail } });
    }
  }

  /** Nobody reads its requests: its end is priced by whatever its account serves, and no answer is free. */
  unread(): void {
    const { account, models } = this.#parts;
    for (const name of account.channel.models.slice(0, maxModels)) {
      const { model, billedModel } = mapModel(account.channel, name);
      models.add(model, billedModel);
    }
  }

  /** Undefined: it cannot be read, and whether it is answered is its vendor's business. */
  #read(line: Buffer): Asked | undefined {
    const { reader, input, strict } = this.#parts;
    try {
      const request = reader.readRequest(line, input);
      if (request === undefined) throw refused("it cannot be read");
      const { dialect: id, operation, body } = request;
      const facts = getDialect(id).parse({ operation, body, query: {} });
      return { ...request, facts };
    } catch (thrown) {
      if (strict || line.length > maxLooseBytes) throw thrown;
      const model = looseModel(line);
      if (model !== undefined) this.#priceOf(model);
      return undefined;
    }
  }

  #add({ dialect: id, operation, body, facts }: Asked): void {
    const { serving, caps } = this.#parts;
    const { spending } = serving;
    const { model } = facts;
    const charge = this.#priceOf(model);
    if (charge === undefined && spending?.refusesUnpriced === true) throw notPriced(model);
    if (charge === undefined || caps.size === 0) return;
    const dialect = getDialect(id);
    const told = {
      textBytes: () => dialect.textBytes(body),
      kinds: dialect.requestKinds?.(operation, body) ?? {},
    };
    const use = expectUse({ body, dialect: id, operation }, facts, told);
    for (const outputCap of caps) this.#take(charge, outputCap, { model, use });
  }

  /** Its end is priced by it, too. */
  #priceOf(model: string): Price | undefined {
    const { input, serving, account, models, billed } = this.#parts;
    const { caller, snapshot } = serving;
    if (input.file !== null) {
      checkModelAllowed(caller, model);
      if (!servesModels({ snapshot, models: [model] }, account.groupSymbol, account.channel))
        throw refused(`model ${model} is not served by the account that its file lies in`);
    }
    return models.add(model, billed.get(model) ?? model).charge;
  }

  #take(
    price: Price,
    outputCap: number | null,
    asked: { readonly model: string; readonly use: ReturnType<typeof expectUse> },
  ): void {
    const { caller, snapshot, admittedAtMs } = this.#parts.serving;
    const question = { caller, snapshot, atMs: admittedAtMs, outputCap, ...asked };
    const ratio = snapshot.groups.get(this.#parts.account.groupSymbol)?.ratio;
    const amount = estimateAt(question, price, { groupRatio: ratio, tier: "batch" });
    this.#sums.set(outputCap, this.sum(outputCap) + amount);
  }
}

/**
 * The model of a request that is not read here, as its vendor may read it all the same: of two members of one name most
 * take the last.
 */
function looseModel(line: Buffer): string | undefined {
  const told = parseDocument(line);
  const asked = [told?.["body"], told?.["params"]].find(isObject);
  const model = asked?.["model"];
  return typeof model === "string" ? model : undefined;
}

function refused(detail: string): GatewayError {
  return new GatewayError("invalid_request", detail, { values: { detail } });
}
