/**
 * Asks a job's vendor how far it is, and reads what it used when it is over.
 * Promise kept here: what a vendor tells of a job is charged as its requests would have been one by one.
 */
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { BatchResult } from "../../dialects/contract.ts";
import { getDialect } from "../../dialects/registry.ts";
import type { CallRecord } from "../../log/call-record.ts";
import type { JobContent } from "../../log/job-content.ts";
import { estimateUsage } from "../../meter/estimate.ts";
import { type JobTotal, makeJobMeter, matchModel } from "../../meter/job-charges.ts";
import { credentialOf } from "../../route/pinned-plan.ts";
import type { Snapshot } from "../../sync/entities.ts";
import type { CallRequest, FrontId, OverSignal } from "../../wire/call.ts";
import { type Usage, noUsage } from "../../wire/usage.ts";
import {
  type VendorAnswer,
  type VendorRequest,
  askVendor,
  getRequest,
} from "../accounts/ask-vendor.ts";
import { type Account, accountFor } from "../accounts/choose-account.ts";
import { parseJobPricing } from "./job-pricing.ts";
import { parseDocument } from "../accounts/parse-document.ts";
import { readLines } from "../accounts/read-lines.ts";
import { findResourceRoute } from "../accounts/resource-routes.ts";
import { stillRuns } from "./response-job.ts";
import type { SendingParts } from "../exchange/prepared-attempt.ts";

export interface FollowParts extends SendingParts {
  readonly snapshot: Snapshot;
  readonly signal: OverSignal;
}

/** How a job stands. `gone`: its vendor has it no more; `unreachable`: its channel is not there to ask. */
export type Standing =
  | { readonly state: "runs" | "gone" | "unreachable" }
  | {
      readonly state: "over";
      readonly outcome: CallRecord["outcome"];
      readonly error: string | null;
      readonly totals: readonly JobTotal[];
    };

const paths: Readonly<Partial<Record<FrontId, string>>> = {
  "openai-chat": "/batches/:a",
  "anthropic-messages": "/messages/batches/:a",
  "openai-responses": "/responses/:a",
};

/** `document`: as the vendor has told it just now; left out: it is asked. Rejects with the upstream's faults. */
export async function followJob(
  content: JobContent,
  parts: FollowParts,
  document?: JsonObject,
): Promise<Standing> {
  const account = accountOf(content, parts.snapshot, paths[frontOf(content)] ?? "");
  if (account === undefined) return { state: "unreachable" };
  const told = document ?? (await ask(content, account, parts));
  if (told === undefined) return { state: "gone" };
  return content.job.kind === "response"
    ? readResponse(content, told)
    : await readBatch({ content, account, parts }, told);
}

/** Jobs are begun by callers of the vendor's own API alone. */
function frontOf({ dialect }: JobContent): FrontId {
  return dialect as FrontId;
}

function accountOf(content: JobContent, snapshot: Snapshot, path: string): Account | undefined {
  const { job, group: groupSymbol } = content;
  const channel = snapshot.channels.get(job.channelId);
  const route = findResourceRoute(frontOf(content), "GET", path);
  if (channel === undefined || route === undefined) return undefined;
  return accountFor({ channel, credential: credentialOf(channel, job), groupSymbol }, route);
}

/** Nobody stands behind these requests: the vendor is asked in the gateway's own name. */
function ownRequest(content: JobContent, { signal }: FollowParts): CallRequest {
  return {
    id: content.callId,
    dialect: frontOf(content),
    operation: content.operation,
    headers: {},
    query: {},
    body: Buffer.alloc(0),
    address: "",
    signal,
    drainSignal: signal,
  };
}

/** Undefined: there is no such thing any more. */
async function ask(
  content: JobContent,
  account: Account,
  parts: FollowParts,
): Promise<JsonObject | undefined> {
  const caller = ownRequest(content, parts);
  const answer = await askVendor(getRequest(account, tailOf(content)), { ...parts, caller });
  if (answer?.status === 404) return undefined;
  const told = answer?.status === 200 ? parseDocument(answer.body) : undefined;
  if (told !== undefined) return told;
  throw refusal(answer, "how far the job is");
}

function tailOf({ job }: JobContent): string {
  return `/${encodeURIComponent(job.resource)}`;
}

function refusal(answer: VendorAnswer | undefined, what: string): GatewayError {
  return new GatewayError(
    "upstream_invalid",
    `the vendor answers ${answer?.status ?? 0} to the question ${what}`,
  );
}

const outcomes: Readonly<Record<string, CallRecord["outcome"]>> = {
  completed: "complete",
  incomplete: "complete",
  cancelled: "caller_gone",
};

function readResponse(content: JobContent, document: JsonObject): Standing {
  if (stillRuns(document)) return { state: "runs" };
  const facts = getDialect(frontOf(content)).readReply(Buffer.from(JSON.stringify(document)));
  const { pricing } = parseJobPricing(content.job.pricing);
  const meter = makeJobMeter(pricing, content.admittedAtMs);
  const outcome = outcomes[String(document["status"])] ?? "failed";
  // One that failed may have used something all the same, and tells it then.
  const usage = facts?.usage ?? (outcome === "complete" ? seenOf(content, document) : noUsage);
  meter.add({ model: content.modelBilled, usage });
  return {
    state: "over",
    outcome,
    error: outcome === "failed" ? "upstream_error" : null,
    totals: meter.totals(),
  };
}

/** Of a whole answer whose vendor tells no usage. */
function seenOf(content: JobContent, document: JsonObject): Usage {
  const output = Buffer.from(JSON.stringify(document["output"] ?? []));
  return estimateUsage(0, getDialect(frontOf(content)).textBytes(output));
}

interface Following {
  readonly content: JobContent;
  readonly account: Account;
  readonly parts: FollowParts;
}

async function readBatch(following: Following, document: JsonObject): Promise<Standing> {
  const { content, account, parts } = following;
  const reader = getDialect(frontOf(content)).batches;
  const state = reader?.readState(document);
  if (reader === undefined || state === undefined) return { state: "gone" };
  if (!state.ended) return { state: "runs" };
  const { pricing, billed } = parseJobPricing(content.job.pricing);
  const sent = [...billed.keys()];
  const meter = makeJobMeter(pricing, content.admittedAtMs);
  const add = (result: BatchResult | undefined): void => {
    if (result === undefined) return;
    const model = matchModel(result.model, sent);
    meter.add({ model: billed.get(model) ?? model, usage: result.usage });
  };
  if (state.results !== null) {
    const caller = ownRequest(content, parts);
    const where = resultsAt(content, account, { ...parts, results: state.results });
    if (where === undefined) return { state: "unreachable" };
    const answer = await readLines(where, { ...parts, caller }, (line) =>
      add(reader.readResult(line)),
    );
    if (answer?.status === 404) {
      // Files are deleted, and vendors do so themselves after a month.
      if (state.told === null) return { state: "gone" };
      add(state.told);
    } else if (answer !== undefined) throw refusal(answer, "what its requests used");
  }
  return { state: "over", outcome: "complete", error: null, totals: meter.totals() };
}

function resultsAt(
  content: JobContent,
  account: Account,
  {
    snapshot,
    results,
  }: Pick<FollowParts, "snapshot"> & {
    readonly results: { readonly file: string } | { readonly tail: string };
  },
): VendorRequest | undefined {
  if ("tail" in results) return getRequest(account, tailOf(content) + results.tail, "*/*");
  const files = accountOf(content, snapshot, "/files/:a/content");
  return files && getRequest(files, `/${encodeURIComponent(results.file)}/content`, "*/*");
}
