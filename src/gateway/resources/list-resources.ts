/**
 * Lists of what a caller made, out of the ledger; the newest state of a short page is asked of the vendors.
 * Promise kept here: a list shows its owner's things alone, whatever else lies in the vendor's account.
 */
import { GatewayError } from "../../core/errors.ts";
import type { Json, JsonObject } from "../../core/json-value.ts";
import type { FrontId, HeaderMap } from "../../wire/call.ts";
import type {
  LedgerEntry,
  LedgerOwner,
  LedgerPage,
  ResourceLedger,
} from "../state/resource-ledger.ts";

const defaultLimit = 20;
const maxLimit = 100;

interface PageWish {
  readonly page: LedgerPage;
  /** Whether the page was asked from its end. */
  readonly backwards: boolean;
}

function limitOf(told: string | undefined): number {
  const limit = told === undefined || told === "" ? defaultLimit : Number(told);
  if (Number.isSafeInteger(limit) && limit >= 1) return Math.min(limit, maxLimit);
  const message = "`limit` must be a whole number above 0";
  throw new GatewayError("invalid_request", message, {
    fields: [{ field: "limit", message }],
    values: { detail: message },
  });
}

/** Throws `invalid_request` naming the parameter. */
function readPageWish(dialect: FrontId, query: HeaderMap): PageWish {
  const { after = null, after_id = null, before_id = null, pageToken = null } = query;
  if (dialect === "gemini-content") {
    const page = { limit: limitOf(query["pageSize"]), order: "desc", after: pageToken } as const;
    return { page, backwards: false };
  }
  const limit = limitOf(query["limit"]);
  if (dialect === "anthropic-messages")
    return before_id === null
      ? { page: { limit, order: "desc", after: after_id }, backwards: false }
      : { page: { limit, order: "asc", after: before_id }, backwards: true };
  const order = query["order"] === "asc" ? "asc" : "desc";
  return { page: { limit, order, after }, backwards: false };
}

/** How a thing is asked for anew. Undefined: it is gone; its entry where it cannot be asked for now. */
export type Refresh = (entry: LedgerEntry) => Promise<LedgerEntry | undefined>;

export interface ListParts {
  readonly ledger: ResourceLedger;
  readonly owner: LedgerOwner;
  readonly query: HeaderMap;
  readonly refresh: Refresh;
}

/** Things that are asked for at a time. */
const askedAtOnce = 5;

async function refreshed(
  entries: readonly LedgerEntry[],
  refresh: Refresh,
): Promise<readonly LedgerEntry[]> {
  // Of a long page the states as last told must do.
  if (entries.length > defaultLimit) return entries;
  const found: LedgerEntry[] = [];
  for (let start = 0; start < entries.length; start += askedAtOnce) {
    const some = entries.slice(start, start + askedAtOnce);
    const asked = await Promise.all(some.map((entry) => refresh(entry)));
    found.push(...asked.filter((entry) => entry !== undefined));
  }
  return found;
}

/** The list as its API tells it. Throws `invalid_request`, `temporarily_unavailable`. */
export async function listResources(parts: ListParts): Promise<JsonObject> {
  const { owner, query } = parts;
  const { page, backwards } = readPageWish(owner.dialect, query);
  const found = await parts.ledger.page(owner, page);
  if (found === undefined) {
    const message = `There is no ${owner.kind} with id '${page.after}'`;
    throw new GatewayError("invalid_request", message, { values: { detail: message } });
  }
  const entries = await refreshed(found.entries, parts.refresh);
  const shown = backwards ? entries.toReversed() : entries;
  const { purpose } = query;
  const documents = shown
    .map(({ document }) => document)
    .filter((document) => purpose === undefined || document["purpose"] === purpose);
  const last = found.entries.at(-1)?.id ?? null;
  return render(owner, documents, found.hasMore ? last : null);
}

/** `next`: what the next page begins behind; null: there is none. */
function render(
  { dialect }: LedgerOwner,
  documents: readonly JsonObject[],
  next: string | null,
): JsonObject {
  if (dialect === "gemini-content")
    return { cachedContents: documents, ...(next === null ? {} : { nextPageToken: next }) };
  const idOf = (document: JsonObject | undefined): Json => document?.["id"] ?? null;
  const ends = { first_id: idOf(documents[0]), last_id: idOf(documents.at(-1)) };
  const list = { data: documents, ...ends, has_more: next !== null };
  return dialect === "anthropic-messages" ? list : { object: "list", ...list };
}
