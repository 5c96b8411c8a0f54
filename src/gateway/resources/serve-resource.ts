/**
 * Serves what outlives a call: files, batches, jobs, containers, and responses that are asked for again.
 * Promise kept here: nothing of one owner is shown or opened to another, on any node.
 */
import { GatewayError, toGatewayError } from "../../core/errors.ts";
import { splice } from "../../core/json.ts";
import type { JsonObject } from "../../core/json-value.ts";
import { askAccount } from "./ask-account.ts";
import { type VendorRequest, askVendor } from "../accounts/ask-vendor.ts";
import { bookTold } from "./booked.ts";
import { sealKeyOf } from "../state/call-state.ts";
import { pinnedAccount } from "../accounts/choose-account.ts";
import { parseDocument } from "../accounts/parse-document.ts";
import { listResources } from "./list-resources.ts";
import { answerOwnResponse, renderJson } from "../responses/own-responses.ts";
import { type ResourceCall, type ResourceParts, type Serving, sealerOf } from "./resource-call.ts";
import { openPath } from "./resource-ids-of-path.ts";
import type { LedgerEntry } from "../state/resource-ledger.ts";
import { findResourceRoute } from "../accounts/resource-routes.ts";
import { isOwnResponse } from "../state/response-keeper.ts";

/** Throws what is to be told: `not_found`, `invalid_request`, faults of the upstream. */
export async function serveResource(call: ResourceCall, parts: ResourceParts): Promise<void> {
  const { request, caller } = call;
  const asked = request.resource;
  const route = asked && findResourceRoute(request.dialect, asked.method, asked.route);
  const { state } = parts;
  if (asked === undefined || route === undefined || state === undefined)
    throw new GatewayError("not_found", "There is no such path", {
      values: { detail: "There is no such path" },
    });
  call.tally.bounded(call.spending);
  await call.spending?.admit("", (headers) => call.reply.addHeaders(headers));
  const ownerId = caller.userId;
  const { dialect } = request;
  const owner = { ownerId, dialect, kind: route.ids[0] ?? route.made ?? "file" };
  const opener = { ownerId, dialect, key: () => sealKeyOf(state) };
  const serving: Serving = { ...call, parts, state, route, owner, opener };
  const [first = ""] = asked.ids;
  if (route.operation === "responses" && isOwnResponse(first)) {
    const row = `${route.method} ${route.path}`;
    const own = { id: first, ownerId, query: request.query };
    return call.reply.whole(await answerOwnResponse(state.stored, row, own));
  }
  if (route.does === "list") return call.reply.whole(renderJson(200, await answerList(serving)));
  await askAccount(serving);
}

async function answerList(serving: Serving): Promise<JsonObject> {
  const { request, owner, state } = serving;
  return await listResources({
    ledger: state.resources,
    owner,
    query: request.query,
    refresh: (entry) => refresh(serving, entry),
  });
}

/** The thing as its vendor tells it now. */
async function refresh(serving: Serving, entry: LedgerEntry): Promise<LedgerEntry | undefined> {
  const { request, route, snapshot, caller, owner, parts, state } = serving;
  const one = findResourceRoute(request.dialect, "GET", `${route.path}/:a`);
  if (one === undefined) return entry;
  try {
    const single = { ...request, query: {}, resource: { ...one, route: "", ids: [pathId(entry)] } };
    const path = openPath(single, one, serving.opener);
    const wish = { snapshot, caller, route: one, models: [] };
    const account = path.pin === null ? undefined : pinnedAccount(wish, path.pin);
    if (account === undefined) return entry;
    const { tail, query } = path;
    const ask = { account, method: "GET", tail, query, body: null, accept: "application/json" };
    const answer = await askVendor(ask as VendorRequest, { ...parts, caller: request });
    if (answer?.status === 404) {
      await state.resources.forget(owner.ownerId, entry.id);
      return undefined;
    }
    if (answer === undefined || answer.status !== 200) return entry;
    const asked = { ...serving, route: one };
    await bookTold(asked, path, answer.body);
    const edits = sealerOf(asked, account).edits(answer.body);
    return { id: entry.id, document: parseDocument(splice(answer.body, edits)) ?? entry.document };
  } catch (thrown) {
    const { kind } = toGatewayError(thrown);
    // One that does not open any more (another data key) is nobody's.
    return kind === "not_found" ? undefined : entry;
  }
}

/** As paths have it: Gemini's names without what they begin with. */
function pathId({ id }: LedgerEntry): string {
  return id.startsWith("cachedContents/") ? id.slice("cachedContents/".length) : id;
}
