/**
 * Cuts the list of models into the pages that a caller asks for: Anthropic's by ids, Google's by tokens.
 * Promise kept here: who asks for nothing of the kind gets its vendor's usual page, and walking the pages shows each
 * model once.
 */
import { GatewayError } from "../../core/errors.ts";
import type { ListedModel, ModelPage } from "../../dialects/contract.ts";
import type { CallRequest, HeaderMap } from "../../wire/call.ts";

export interface PagedModels {
  readonly models: readonly ListedModel[];
  readonly page: ModelPage;
}

const wholeList: ModelPage = { hasMore: false, nextToken: null };
const mostModels = 1000;
/** Google's usual page; Anthropic's is 20, too few for clients that never ask for the second one. */
const usualModels = 1000;

function refuse(field: string, mend: string): GatewayError {
  const message = `\`${field}\` ${mend}`;
  const fields = [{ field, message }];
  return new GatewayError("invalid_request", message, { fields, values: { detail: message } });
}

function sizeOf(query: HeaderMap, ...names: readonly string[]): number {
  for (const name of names) {
    const text = query[name];
    if (text === undefined || text === "" || text === "0") continue;
    if (!/^\d{1,6}$/.test(text)) throw refuse(name, `must be a number from 1 to ${mostModels}`);
    return Math.min(Number(text), mostModels);
  }
  return usualModels;
}

/** Throws `invalid_request` for a page that cannot be found. */
export function pageModels(
  all: readonly ListedModel[],
  request: Pick<CallRequest, "dialect" | "query">,
): PagedModels {
  switch (request.dialect) {
    case "anthropic-messages":
      return pageByIds(all, request.query);
    case "gemini-content":
      return pageByToken(all, request.query);
    default:
      return { models: all, page: wholeList };
  }
}

function pageByIds(all: readonly ListedModel[], query: HeaderMap): PagedModels {
  const size = sizeOf(query, "limit");
  const before = query["before_id"];
  if (before !== undefined) {
    const end = indexOf(all, "before_id", before);
    const start = Math.max(0, end - size);
    return { models: all.slice(start, end), page: { hasMore: start > 0, nextToken: null } };
  }
  const after = query["after_id"];
  const start = after === undefined ? 0 : indexOf(all, "after_id", after) + 1;
  const hasMore = start + size < all.length;
  return { models: all.slice(start, start + size), page: { hasMore, nextToken: null } };
}

function indexOf(all: readonly ListedModel[], field: string, id: string): number {
  const index = all.findIndex((model) => model.id === id);
  if (index === -1) throw refuse(field, "names no model of the list");
  return index;
}

/** A token is the name that the page before ended with: what is added or removed meanwhile moves nothing. */
function pageByToken(all: readonly ListedModel[], query: HeaderMap): PagedModels {
  const size = sizeOf(query, "pageSize", "page_size");
  const token = query["pageToken"] ?? query["page_token"] ?? "";
  const last = Buffer.from(token, "base64url").toString();
  const found = token === "" ? 0 : all.findIndex(({ id }) => id > last);
  const start = found === -1 ? all.length : found;
  const models = all.slice(start, start + size);
  const hasMore = start + size < all.length;
  const end = models.at(-1)?.id;
  const nextToken = hasMore && end !== undefined ? Buffer.from(end).toString("base64url") : null;
  return { models, page: { hasMore, nextToken } };
}
