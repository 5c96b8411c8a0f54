/** Collects what is known of a call while it runs and writes its one record, whatever became of it. */
import type { Clock } from "../../core/clock.ts";
import type { GatewayError } from "../../core/errors.ts";
import { ratioOne } from "../../core/money.ts";
import type { CallFacts } from "../../dialects/contract.ts";
import type { CallLog, CallRecord, JobBegun } from "../../log/call-record.ts";
import { type Charge, makeCharge, noCharge } from "../../meter/charge.ts";
import { makeChannelCost } from "../../meter/channel-cost.ts";
import { estimateUsage } from "../../meter/estimate.ts";
import { fillUsage } from "../../meter/fill-usage.ts";
import type { CallMeters } from "../../metrics/meters.ts";
import type { Candidate } from "../../route/plan.ts";
import type { Snapshot } from "../../sync/entities.ts";
import type { CallRequest } from "../../wire/call.ts";
import type { Caller } from "../../wire/caller.ts";
import { type Usage, type UsageKinds, noUsage } from "../../wire/usage.ts";
import type { LimitedUse } from "../../limit/limits.ts";
import { noUse } from "./call-estimate.ts";
import { renderDetails } from "./call-details.ts";
import type { Answered } from "../exchange/ending.ts";
import type { Spending } from "./spending.ts";

export interface TallyParts {
  readonly request: CallRequest;
  readonly clock: Clock;
  readonly admittedAtMs: number;
  readonly meters: CallMeters;
  readonly callLog: Pick<CallLog, "record" | "open">;
}

const goneStatus = 499;

export class Tally {
  readonly #parts: TallyParts;
  readonly #startedAtMs: number;
  #caller: { readonly caller: Caller; readonly snapshot: Snapshot } | undefined;
  #facts: CallFacts | undefined;
  #candidate: Candidate | undefined;
  #attempts = 0;
  #answered: Answered | undefined;
  #error: string | null = null;
  #usage: Usage = noUsage;
  #charge: Charge = noCharge;
  #channelCost: Charge = noCharge;
  #spending: Spending | undefined;
  #job: JobBegun | undefined;

  constructor(parts: TallyParts) {
    this.#parts = parts;
    this.#startedAtMs = parts.clock.monotonic();
    parts.meters.running(1);
  }

  authenticated(caller: Caller, snapshot: Snapshot): void {
    this.#caller = { caller, snapshot };
  }

  parsed(facts: CallFacts): void {
    this.#facts = facts;
  }

  /** What the call took of limits and budgets is settled at its end. */
  bounded(spending: Spending | undefined): void {
    this.#spending = spending;
  }

  /** The call began a job, which goes on at the vendor. */
  began(job: JobBegun): void {
    this.#job = job;
  }

  /** The call may run: its record follows, or its process died meanwhile. */
  admitted(spending: Spending | undefined): void {
    this.bounded(spending);
    const { request, admittedAtMs, callLog } = this.#parts;
    const { caller } = this.#caller ?? {};
    if (caller === undefined) return;
    const { keyId, userId, group } = caller;
    const { id: callId, dialect, operation, address } = request;
    const model = this.#facts?.model ?? "";
    callLog.open({
      callId,
      admittedAtMs,
      keyId,
      userId,
      group,
      dialect,
      operation,
      model,
      address,
    });
  }

  attempted(candidate: Candidate): void {
    this.#attempts += 1;
    this.#candidate = candidate;
  }

  /** `inputBytes` is asked only where usage must be estimated; `kinds`: what the request itself counts. */
  answered(ending: Answered, inputBytes: () => number, kinds?: UsageKinds): void {
    this.#answered = ending;
    this.#error = ending.error?.kind ?? null;
    if (ending.runsOn !== undefined) return;
    // An attempt that emitted nothing costs the payer nothing, and nor does counting.
    if (ending.firstContentAtMs === null || this.#parts.request.operation === "count-tokens")
      return;
    const usage =
      ending.usage === null
        ? estimateUsage(inputBytes(), ending.textBytes)
        : fillUsage(ending.usage, {
            input: () => estimateUsage(inputBytes(), 0).input,
            output: estimateUsage(0, ending.textBytes).output,
          });
    this.#usage = kinds === undefined ? usage : { ...usage, kinds: { ...kinds, ...usage.kinds } };
    this.#price();
  }

  #price(): void {
    const candidate = this.#candidate;
    if (this.#caller === undefined || candidate === undefined) return;
    const { caller, snapshot } = this.#caller;
    const { channel, billedModel, group } = candidate;
    const usage = this.#usage;
    const tier = usage.serviceTier ?? null;
    const atMs = this.#parts.admittedAtMs;
    const at = { channelId: channel.id, atMs };
    const price = snapshot.findPrice(billedModel, { ...at, side: "charge" });
    const ratios = [group?.ratio ?? ratioOne, caller.key.ratio, caller.user.ratio];
    this.#charge = makeCharge({ usage, price, ratios, tier, atMs });
    const ownPrice = snapshot.findPrice(candidate.model, { ...at, side: "cost" });
    this.#channelCost = makeChannelCost({
      usage,
      ownPrice,
      price,
      tier,
      atMs,
      costRatio: channel.costRatio,
    });
  }

  failed(error: GatewayError): void {
    this.#error = error.kind;
  }

  /** Counts the call and writes the record of an authenticated one; resolves when the journal has it. */
  async close(status: number): Promise<void> {
    const { clock, meters, callLog } = this.#parts;
    const durationMs = clock.monotonic() - this.#startedAtMs;
    const firstAtMs = this.#answered?.firstContentAtMs ?? null;
    const firstByteMs = firstAtMs === null ? null : firstAtMs - this.#startedAtMs;
    const outcome = this.#answered?.outcome ?? (this.#error === null ? "complete" : "failed");
    const shown = outcome === "caller_gone" && status === 0 ? goneStatus : status;
    const { operation } = this.#parts.request;
    const labels = { operation, status: shown, outcome };
    meters.finished(labels, durationMs / 1000, firstByteMs === null ? null : firstByteMs / 1000);
    meters.running(-1);
    const record = this.#record({ status: shown, outcome, firstByteMs, durationMs });
    if (record !== undefined) await callLog.record(record);
    this.#settle(record);
  }

  #settle(record: CallRecord | undefined): void {
    const usage = this.#usage;
    const delivered = this.#answered?.firstContentAtMs != null;
    const { input, cacheRead, cacheWrite5m, cacheWrite1h, output: outputTokens } = usage;
    const inputTokens = input + cacheRead + cacheWrite5m + cacheWrite1h;
    const used = delivered ? { inputTokens, outputTokens, dollars: this.#charge.cost } : this.#free;
    this.#spending?.settle(used, record?.shares ?? []);
  }

  /** What a call took of limits that generates nothing: it was a request all the same. Null: nothing was answered. */
  get #free(): LimitedUse | null {
    const { resource, operation } = this.#parts.request;
    const generates = resource === undefined && operation !== "count-tokens";
    return generates || this.#error !== null ? null : noUse;
  }

  #record(shown: {
    readonly status: number;
    readonly outcome: CallRecord["outcome"];
    readonly firstByteMs: number | null;
    readonly durationMs: number;
  }): CallRecord | undefined {
    if (this.#caller === undefined) return undefined;
    const { caller, snapshot } = this.#caller;
    const { request, admittedAtMs } = this.#parts;
    // Listing models costs nobody anything, and pollers would drown the ledger in it.
    if (request.operation === "models" || request.operation === "model") return undefined;
    if (request.resource?.method === "GET") return undefined;
    const model = this.#facts?.model ?? request.pathModel ?? "";
    return {
      callId: request.id,
      admittedAtMs,
      keyId: caller.keyId,
      userId: caller.userId,
      group: this.#candidate?.groupSymbol ?? caller.group,
      channelId: this.#candidate?.channel.id ?? null,
      dialect: request.dialect,
      operation: request.operation,
      modelAsked: model,
      modelBilled: this.#candidate?.billedModel ?? model,
      modelSent: this.#candidate?.model ?? null,
      modelReported: this.#answered?.modelReported ?? null,
      status: shown.status,
      error: this.#error,
      outcome: shown.outcome,
      stream: this.#facts?.stream ?? false,
      attempts: this.#attempts,
      usage: this.#usage,
      unpriced: this.#charge.unpriced,
      cost: this.#charge.cost,
      priceId: this.#charge.priceId,
      revision: snapshot.revision,
      firstByteMs: shown.firstByteMs === null ? null : Math.round(shown.firstByteMs),
      durationMs: Math.round(shown.durationMs),
      endUser: this.#facts?.endUser ?? null,
      address: request.address,
      channelCost: this.#channelCost.cost,
      serviceTier: this.#usage.serviceTier ?? null,
      shares:
        this.#spending?.shares(this.#charge.cost, this.#channelCost.cost, this.#candidate) ?? [],
      details: renderDetails(this.#charge, this.#channelCost, this.#usage),
      ...(this.#job === undefined ? {} : { job: this.#job }),
    };
  }
}
