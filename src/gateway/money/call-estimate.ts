/** What one call may use and cost, told from its request. Promise kept here: each figure is worked out once, and only where it is asked for. */
import type { LimitRule } from "../../core/limit-rule.ts";
import type { NanoDollars } from "../../core/money.ts";
import type { CallFacts } from "../../dialects/contract.ts";
import type { LimitSubject, LimitedUse } from "../../limit/limits.ts";
import { bytesPerToken } from "../../meter/estimate.ts";
import { groupsOf } from "../../route/pinned-plan.ts";
import type { Snapshot } from "../../sync/entities.ts";
import type { CallRequest } from "../../wire/call.ts";
import type { Caller } from "../../wire/caller.ts";
import type { UsageKinds } from "../../wire/usage.ts";
import { type ExpectedUse, expectUse } from "./expected-use.ts";
import { type PriceQuestion, dearestEstimate } from "./reserve-amount.ts";

export interface EstimateParts {
  readonly request: CallRequest;
  readonly caller: Caller;
  readonly snapshot: Snapshot;
  /** Business time of the admission, ms UTC. */
  readonly admittedAtMs: number;
}

/** Output that limits of tokens expect of a call that names no limit of its own. */
const usualOutputTokens = 512;
const nothingTold = { textBytes: () => 0, kinds: {} };

export const noUse: LimitedUse = { inputTokens: 0, outputTokens: 0, dollars: 0n };

/** Counting tokens is free. */
export function costsSomething({ operation }: Pick<CallRequest, "operation">): boolean {
  return operation !== "count-tokens";
}

export class CallEstimate {
  readonly #parts: EstimateParts;
  #facts: CallFacts | undefined;
  #use: ExpectedUse | undefined;
  #told: { readonly textBytes: () => number; readonly kinds: UsageKinds } = nothingTold;
  readonly #estimates = new Map<string, NanoDollars | undefined>();

  constructor(parts: EstimateParts) {
    this.#parts = parts;
  }

  /** What is asked. `textBytes`: of the request, asked for large ones alone; `kinds`: units that it counts itself. */
  asked(facts: CallFacts, textBytes: () => number, kinds: UsageKinds): void {
    this.#facts = facts;
    this.#told = { textBytes, kinds };
  }

  /** Empty: none is asked. */
  get model(): string {
    return this.#facts?.model ?? "";
  }

  question(outputCap: number | null = null): PriceQuestion {
    const { caller, snapshot, admittedAtMs } = this.#parts;
    const use = this.#expectedUse();
    return { caller, snapshot, atMs: admittedAtMs, model: this.model, use, outputCap };
  }

  /** What the call may cost; asked for several budgets it is the same. `group`: at that one's price alone. */
  cost(outputCap: number | null = null, group?: string): NanoDollars | undefined {
    // Where one group alone may answer, its price is the dearest.
    const one = group === undefined || this.#hasOnly(group) ? undefined : group;
    const name = `${outputCap} ${one ?? ""}`;
    if (!this.#estimates.has(name)) {
      const asked = this.question(outputCap);
      this.#estimates.set(
        name,
        dearestEstimate(one === undefined ? asked : { ...asked, group: one }),
      );
    }
    return this.#estimates.get(name);
  }

  #hasOnly(group: string): boolean {
    const groups = groupsOf(this.#parts.caller);
    return groups.length === 1 && groups[0] === group;
  }

  /** What limits are to expect of it. */
  limitedUse(subjects: readonly LimitSubject[]): LimitedUse {
    if (this.#facts === undefined || !costsSomething(this.#parts.request)) return noUse;
    if (!counts(subjects, (of) => of !== "requests" && of !== "concurrency")) return noUse;
    const { inputBytes, answers, outputLimit } = this.#expectedUse();
    const dollars = counts(subjects, (of) => of === "dollars") ? this.cost() : undefined;
    return {
      inputTokens: Math.ceil(inputBytes / bytesPerToken),
      outputTokens: answers * (outputLimit ?? usualOutputTokens),
      dollars: dollars ?? 0n,
    };
  }

  #expectedUse(): ExpectedUse {
    const facts = this.#facts;
    if (facts === undefined) throw new Error("nothing is asked yet");
    this.#use ??= expectUse(this.#parts.request, facts, this.#told);
    return this.#use;
  }
}

function counts(
  subjects: readonly LimitSubject[],
  isWanted: (of: LimitRule["of"]) => boolean,
): boolean {
  return subjects.some(({ rules }) => rules.some(({ of }) => isWanted(of)));
}
