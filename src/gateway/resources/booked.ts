/**
 * What a request on a job's thing waits for. Promise kept here: whoever reads what a job has made has been charged for
 * it; a caller without a budget is not made to wait for a database that is away.
 */
import { GatewayError, messageOf } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import { askVendor, getRequest } from "../accounts/ask-vendor.ts";
import type { Account } from "../accounts/choose-account.ts";
import { idOf, parseDocument } from "../accounts/parse-document.ts";
import type { Serving } from "./resource-call.ts";
import type { PathIds } from "./resource-ids-of-path.ts";
import { asksForStream } from "./thing-request.ts";
import type { Standing } from "../jobs/follow-job.ts";
import { stillRuns } from "../jobs/response-job.ts";

/**
 * Before the vendor is asked: it may hand over results, or forget the thing. Throws `invalid_request` for one that still
 * runs and is to be forgotten: nobody could say what it used. False: what runs now may be over when its results come.
 */
export async function bookBefore(
  serving: Serving,
  account: Account,
  path: PathIds,
): Promise<boolean> {
  const { route } = serving;
  const isForgotten = route.method === "DELETE";
  const isStream = asksForStream(serving);
  if (!isForgotten && !isStream && route.reply !== "bytes") return true;
  if (serving.parts.jobs === undefined || !isJobs(serving)) return true;
  const find = finder(serving, account);
  if (!isForgotten && !isStream) return (await book(serving, { path, told: find })) === "over";
  const [resource] = path.opened.keys();
  const document = resource === undefined ? undefined : await find(resource).catch(() => undefined);
  const ended = document && hasEnded(serving, document);
  if (isForgotten) await bookForgotten(serving, { path, told: document ?? find }, ended);
  // What still runs is charged before its stream tells the end.
  else if (ended === true) await book(serving, { path, told: document ?? find });
  return true;
}

/** Once it is forgotten nobody can charge it any more, whether its owner has a budget or not. */
async function bookForgotten(
  serving: Serving,
  asked: Asked,
  ended: boolean | undefined,
): Promise<void> {
  if (ended === false) throw cancelFirst();
  const must = ended === true || typeof asked.told === "function";
  const state = await book(serving, { ...asked, must });
  // Its vendor told nothing a moment ago.
  if (state === "runs") throw cancelFirst();
}

/** Before the end of a response's stream is told. `told`: the response as that tells it; undefined: it tells none. */
export async function bookEnd(
  serving: Serving,
  account: Account,
  { path, told }: { readonly path: PathIds; readonly told: JsonObject | undefined },
): Promise<void> {
  const isOver = typeof told?.["status"] === "string" && !stillRuns(told);
  await book(serving, { path, told: isOver ? told : finder(serving, account) });
}

/** Before the first byte of results that have begun to come. Rejects for a budget whose job does not seem to be over. */
export async function bookResults(
  serving: Serving,
  account: Account,
  path: PathIds,
): Promise<void> {
  const state = await book(serving, { path, told: finder(serving, account) });
  const isCharged = state === "over" || state === "unknown";
  if (!isCharged && serving.spending?.budgeted === true) throw notRecorded();
}

function finder(serving: Serving, account: Account): FindDocument {
  return (resource) => findThing(serving, account, resource);
}

/** As its vendor tells it now; undefined: it does not. */
async function findThing(
  { request, parts }: Serving,
  account: Account,
  resource: string,
): Promise<JsonObject | undefined> {
  const tail = `/${encodeURIComponent(resource)}`;
  const answer = await askVendor(getRequest(account, tail), { ...parts, caller: request });
  return answer?.status === 200 ? parseDocument(answer.body) : undefined;
}

function cancelFirst(): GatewayError {
  const detail = "This still runs: cancel it first, and delete it once it has ended";
  return new GatewayError("invalid_request", detail, { values: { detail } });
}

/** Before what the vendor told is handed on. `told`: with the vendor's own ids. */
export async function bookTold(serving: Serving, path: PathIds, told: Buffer): Promise<void> {
  if (serving.route.ids.length !== 1 || !isJobs(serving)) return;
  const document = parseDocument(told);
  if (document === undefined || idOf(document) === undefined) return;
  if (hasEnded(serving, document) === true) await book(serving, { path, told: document });
}

/** Whether a path of one thing names what may be a job. */
function isJobs({ route }: Serving): boolean {
  const [kind] = route.ids;
  return kind === "batch" || kind === "response";
}

/** Undefined: it is no job. */
function hasEnded({ route, dialect }: Serving, document: JsonObject): boolean | undefined {
  if (route.ids[0] === "batch") return dialect.batches?.readState(document).ended;
  return document["background"] === true ? !stillRuns(document) : undefined;
}

/** How long whoever has no budget waits for the database. */
const waitMs = 2000;

/** Older ones have been settled long since; clocks may differ by as much. */
const newForMs = 60_000;

/** By the vendor's own word for its beginning: seconds, or text. */
function isNew(document: JsonObject, nowMs: number): boolean {
  const { created_at: created, completed_at: ended, background } = document;
  const createdMs = typeof created === "number" ? created * 1000 : Date.parse(String(created));
  // The call that streams a response is settled when that is over, however long ago it began.
  const isLong = background === true && typeof ended === "number";
  const atMs = isLong ? Math.max(createdMs, ended * 1000) : createdMs;
  return !(atMs < nowMs - newForMs);
}

type FindDocument = (resource: string) => Promise<JsonObject | undefined>;

interface Asked {
  readonly path: PathIds;
  /** As its vendor has told it just now, or who asks for that where nobody knows of it here. */
  readonly told: JsonObject | FindDocument;
  /** Whether it has to be charged now, also for whoever has no budget. */
  readonly must?: boolean;
}

/** How its job stands: `over`, and charged; undefined: nobody can say, and who asks is not held up by that. */
async function book(
  serving: Serving,
  { path, told, must = false }: Asked,
): Promise<Standing["state"] | "unknown" | undefined> {
  const { parts, spending, request } = serving;
  const { jobs, clock } = parts;
  const { pin } = path;
  const [resource] = path.opened.keys();
  if (jobs === undefined || pin === null || resource === undefined) return "unknown";
  const isBudgeted = spending?.budgeted === true;
  const thing = { ...pin, resource, ...(isBudgeted ? {} : { waitMs }) };
  const { signal } = request;
  try {
    const known = typeof told === "function" ? thing : { ...thing, document: told };
    const state = await jobs.book(known, signal);
    if (state !== "unknown") return state;
    const document = typeof told === "function" ? await told(resource) : told;
    if (document === undefined || hasEnded(serving, document) !== true) return state;
    if (isNew(document, clock.now())) await jobs.bookNew({ ...thing, document }, signal);
    return "over";
  } catch (thrown) {
    parts.logger.warn({ callId: request.id, reason: messageOf(thrown) }, "job not charged yet");
    if (isBudgeted || must) throw notRecorded(thrown);
    return undefined;
  }
}

function notRecorded(cause?: unknown): GatewayError {
  const message = "what this job cost cannot be recorded at the moment";
  return new GatewayError("temporarily_unavailable", message, { retryAfterS: 5, cause });
}
