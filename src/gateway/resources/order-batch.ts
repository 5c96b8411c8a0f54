/**
 * Begins a batch: reads its requests, sets aside what they may cost, and tells what its end is charged by.
 * Promise kept here: no batch is begun that a budget could not pay for as far as anybody can tell.
 */
import { GatewayError } from "../../core/errors.ts";
import type { BatchInput, BatchReader } from "../../dialects/contract.ts";
import type { JobBegun } from "../../log/call-record.ts";
import { mapModel } from "../../route/plan.ts";
import { type VendorRequest, getRequest } from "../accounts/ask-vendor.ts";
import { BatchEstimate } from "./batch-estimate.ts";
import { type Account, accountFor } from "../accounts/choose-account.ts";
import { JobModels } from "../jobs/job-pricing.ts";
import { groupClaims, payerClaims } from "../money/payer-claims.ts";
import { nextTurn, readLines } from "../accounts/read-lines.ts";
import { notMetered, uncheckedModels } from "./refuse-unmetered.ts";
import type { Serving } from "./resource-call.ts";
import { findResourceRoute } from "../accounts/resource-routes.ts";

/** A batch for which money is set aside. */
export interface BatchOrder {
  /** The vendor has taken it under this id: the job holds what is set aside from now on. */
  begun(resource: string): JobBegun;
}

/**
 * `ask`: as it is sent; `models`: those that the caller's own body names. Undefined: not a batch that can be metered.
 * Rejects with what the batch is refused for.
 */
export async function orderBatch(
  serving: Serving,
  { account, body }: VendorRequest,
  asked: readonly string[],
): Promise<BatchOrder | undefined> {
  const { route, dialect, parts, spending, snapshot, caller, admittedAtMs: atMs } = serving;
  const reader = dialect.batches;
  if (route.operation !== "batches" || route.does !== "make") return undefined;
  if (reader === undefined || parts.jobs === undefined || !Buffer.isBuffer(body)) return undefined;
  const { channel, credential, groupSymbol } = account;
  const group = snapshot.groups.get(groupSymbol);
  const models = new JobModels({ snapshot, caller, channel, group, atMs });
  const input = reader.inputOf(body);
  const claims = spending === undefined ? [] : [...payerClaims(caller), ...groupClaims(group)];
  const caps = new Set([...(claims.length === 0 ? [] : [null]), ...claims.map(capOf)]);
  const billed = billedNames(account, asked);
  const strict = isStrict(serving);
  const asking = { serving, account, reader, input };
  const estimate = new BatchEstimate({ ...asking, models, billed, caps, strict });
  await readRequests({ ...asking, estimate });
  await spending?.reserveJob({ group, requests: (outputCap) => estimate.sum(outputCap) });
  if (serving.request.signal.aborted) throw new GatewayError("caller_gone", "The caller left");
  return {
    begun: (resource) => ({
      kind: "batch",
      resource,
      channelId: channel.id,
      credentialId: credential?.id ?? 0,
      shares: spending?.leaveToJob({ group }) ?? [],
      pricing: models.render(),
    }),
  };
}

/** Whether somebody's money or models depend on what the batch asks. */
function isStrict({ spending, caller }: Serving): boolean {
  return (
    spending?.budgeted === true || spending?.refusesUnpriced === true || caller.models !== null
  );
}

function capOf({ rule }: { readonly rule: { readonly reserveCap: number | null } | null }) {
  return rule?.reserveCap ?? null;
}

function billedNames({ channel }: Account, asked: readonly string[]): ReadonlyMap<string, string> {
  const names = asked.map((model) => mapModel(channel, model));
  return new Map(names.map(({ model, billedModel }) => [model, billedModel]));
}

/** Bytes of requests that are read at a stretch, and what each of them counts besides its own. */
const stretchBytes = 512 * 1024;
const perRequestBytes = 4 * 1024;

interface Reading {
  readonly serving: Serving;
  readonly account: Account;
  readonly reader: BatchReader;
  readonly input: BatchInput;
  readonly estimate: BatchEstimate;
}

async function readRequests(reading: Reading): Promise<void> {
  const { input, estimate } = reading;
  if (input.file !== null) return await readFile(reading, input.file);
  if (input.requests.length === 0) return refuseUnread(reading, "it names no file of requests");
  let bytes = 0;
  for (const request of input.requests) {
    estimate.add(request);
    // Thousands of them may stand in one body, and large ones.
    bytes += request.length + perRequestBytes;
    if (bytes < stretchBytes) continue;
    bytes = 0;
    await nextTurn();
  }
}

/** Requests that stand in a file at the vendor, which is asked for it. */
async function readFile(reading: Reading, file: string): Promise<void> {
  const { serving, account, estimate } = reading;
  const { request, parts } = serving;
  const route = findResourceRoute(request.dialect, "GET", "/files/:a/content");
  const files = route && accountFor(account, route);
  const tail = `/${encodeURIComponent(file)}/content`;
  const refusal =
    files === undefined
      ? "this vendor has no such files"
      : await readLines(getRequest(files, tail, "*/*"), { ...parts, caller: request }, (line) =>
          estimate.add(line),
        ).then(
          (answer) => answer && `its vendor answers ${answer.status} to who asks for its file`,
        );
  if (refusal !== undefined) refuseUnread(reading, refusal);
}

/** Throws where somebody's money or models depend on what the batch asks. */
function refuseUnread({ serving, estimate }: Reading, refusal: string): void {
  const { caller, spending } = serving;
  if (spending?.budgeted === true || spending?.refusesUnpriced === true)
    throw notMetered("This batch", refusal);
  if (caller.models !== null) throw uncheckedModels(refusal);
  estimate.unread();
}
