/**
 * What a request on a job's thing waits for. Promise kept here: whoever reads what a job has made has been charged for
 * it; a caller without a budget is not made to wait for a database that is away.
 */
import { GatewayError, messageOf } from "../core/errors.ts";
import type { JsonObject } from "../core/json-value.ts";
import type { JobThing } from "./job-desk.ts";
import type { PathIds } from "./resource-ids-of-path.ts";
import type { Serving } from "./resource-call.ts";
import { idOf, parseDocument } from "./keep-books.ts";
import { stillRuns } from "./response-job.ts";

/** Before the vendor is asked: it may hand over results, or forget the thing. */
export async function bookBefore(serving: Serving, path: PathIds): Promise<void> {
  const { route } = serving;
  const isLast = route.method === "DELETE" || route.reply === "bytes";
  if (isLast && isJobs(serving)) await book(serving, path, undefined);
}

/** Before what the vendor told is handed on. `told`: with the vendor's own ids. */
export async function bookTold(serving: Serving, path: PathIds, told: Buffer): Promise<void> {
  if (serving.route.ids.length !== 1 || !isJobs(serving)) return;
  const document = parseDocument(told);
  if (document === undefined || idOf(document) === undefined) return;
  if (hasEnded(serving, document)) await book(serving, path, document);
}

/** Whether a path of one thing names what may be a job. */
function isJobs({ route }: Serving): boolean {
  const [kind] = route.ids;
  return kind === "batch" || kind === "response";
}

function hasEnded({ route, dialect }: Serving, document: JsonObject): boolean {
  if (route.ids[0] === "batch") return dialect.batches?.readState(document).ended === true;
  return document["background"] === true && !stillRuns(document);
}

/** Older ones have been settled long since; clocks may differ by as much. */
const newForMs = 60_000;

/** By the vendor's own word for its beginning: seconds, or text. */
function isNew({ created_at: created }: JsonObject, nowMs: number): boolean {
  const createdMs = typeof created === "number" ? created * 1000 : Date.parse(String(created));
  return !(createdMs < nowMs - newForMs);
}

async function book(
  serving: Serving,
  path: PathIds,
  document: JsonObject | undefined,
): Promise<void> {
  const { parts, spending, request } = serving;
  const { pin } = path;
  const [resource] = path.opened.keys();
  if (parts.jobs === undefined || pin === null || resource === undefined) return;
  const maybeNew = document === undefined || isNew(document, parts.clock.now());
  const thing: JobThing = { ...pin, resource, maybeNew };
  try {
    await parts.jobs.book(document === undefined ? thing : { ...thing, document }, request.signal);
  } catch (thrown) {
    parts.logger.warn({ callId: request.id, reason: messageOf(thrown) }, "job not charged yet");
    if (spending?.budgeted !== true) return;
    const message = "what this job cost cannot be recorded at the moment";
    throw new GatewayError("temporarily_unavailable", message, { retryAfterS: 5, cause: thrown });
  }
}
