/**
 * The body for an upstream that speaks the caller's own API, of a request that continues what only the gateway keeps.
 * Promise kept here: the upstream is named no item that it never made, and no id that only callers know.
 */
import { splice } from "../../core/json.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { CallFacts } from "../../dialects/contract.ts";
import { responseRules } from "../../dialects/resource-ids.ts";
import type { CallState } from "../state/call-state.ts";
import type { Attempt } from "../exchange/ending.ts";
import { openFor, openIds } from "../ids/open-ids.ts";
import { ownItemCall } from "../ids/open-items.ts";
import { nothingContinued, standingAlone } from "../state/response-keeper.ts";

/** Thoughts without their encryption; whoever keeps responses looks them up and finds none. */
function isBareThought(item: JsonObject): boolean {
  return item["type"] === "reasoning" && typeof item["encrypted_content"] !== "string";
}

/** An item as an upstream may be sent it. `keeps`: whether it looks ids up. */
function sendable(item: JsonObject, state: CallState, keeps: boolean): JsonObject {
  const { id, ...rest } = item;
  if (typeof id !== "string") return item;
  if (keeps || ownItemCall(id) !== undefined) return rest;
  const opened = openFor(state, id, "item");
  return opened === undefined ? item : { id: opened.upstreamId, ...rest };
}

function bodyThere({ call, endpoint }: Attempt, state: CallState): Buffer {
  const keeps = endpoint.keepsResponses === true;
  const alone = standingAlone(call.decoded.body(), state.continued);
  const input = (alone["input"] as readonly JsonObject[])
    .filter((item) => !keeps || !isBareThought(item))
    .map((item) => sendable(item, state, keeps));
  const body = Buffer.from(JSON.stringify({ ...alone, input }));
  const { ownerId, key } = state;
  const opener = { ownerId, key, dialect: call.request.dialect };
  return splice(body, openIds(body, responseRules(false), opener).edits);
}

/** The caller's own body, unless it continues what only the gateway keeps. */
export function standingThere(attempt: Attempt): {
  readonly body: Buffer;
  readonly facts: CallFacts;
} {
  const { request, facts, dialect, state } = attempt.call;
  if (state === undefined || state.continued === nothingContinued)
    return { body: request.body, facts };
  const body = bodyThere(attempt, state);
  return { body, facts: { ...dialect.parse({ ...request, body }), model: facts.model } };
}
