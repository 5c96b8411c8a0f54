/** Answers for the responses that the gateway itself keeps: read, listed item by item, deleted. */
import { GatewayError } from "../../core/errors.ts";
import type { Json, JsonObject } from "../../core/json-value.ts";
import type { RenderedReply } from "../../dialects/contract.ts";
import type { HeaderMap } from "../../wire/call.ts";
import { isOwnResponse } from "../state/response-keeper.ts";
import type { StoredResponse, StoredResponses } from "../state/stored-responses.ts";

/** The error of a response that an owner does not have. */
export function noSuchResponse(id: string): GatewayError {
  const message = `Response with id '${id}' not found.`;
  return new GatewayError("not_found", message, { values: { detail: message } });
}

export function renderJson(status: number, document: JsonObject): RenderedReply {
  const body = Buffer.from(JSON.stringify(document));
  const length = { "content-length": String(body.length) };
  return { status, headers: { "content-type": "application/json", ...length }, body };
}

function refuse(message: string): GatewayError {
  return new GatewayError("invalid_request", message, { values: { detail: message } });
}

export interface OwnAsk {
  readonly id: string;
  readonly ownerId: number;
  readonly query: HeaderMap;
}

type Answer = (stored: StoredResponses, ask: OwnAsk) => Promise<JsonObject>;

async function found(stored: StoredResponses, { id, ownerId }: OwnAsk): Promise<StoredResponse> {
  const response = await stored.find(id, ownerId);
  if (response === undefined) throw noSuchResponse(id);
  return response;
}

/** Items have ids here also where the caller gave none: the response they came with, and their place. */
function withIds(items: readonly JsonObject[], id: string): JsonObject[] {
  const call = id.slice("resp_".length);
  return items.map((item, place) => ({
    ...item,
    id: typeof item["id"] === "string" ? item["id"] : `msg_${call}_in${place}`,
    type: item["type"] ?? "message",
  }));
}

/** All items that a response was made from, those of the responses before it first. */
async function inputOf(stored: StoredResponses, ask: OwnAsk): Promise<JsonObject[]> {
  const { input, response } = await found(stored, ask);
  const parent = response["previous_response_id"];
  const before =
    typeof parent === "string" && isOwnResponse(parent)
      ? await itemsBefore(stored, parent, ask.ownerId)
      : [];
  return withIds([...before, ...input], ask.id);
}

/** None where what came before is not kept any more. */
async function itemsBefore(
  stored: StoredResponses,
  id: string,
  ownerId: number,
): Promise<readonly JsonObject[]> {
  try {
    return (await stored.conversation(id, ownerId)).items;
  } catch (thrown) {
    const isGone = thrown instanceof GatewayError && thrown.kind === "previous_response_not_found";
    if (isGone) return [];
    throw thrown;
  }
}

function limitOf(query: HeaderMap): number {
  const limit = Number(query["limit"] ?? 20);
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= 100) return limit;
  throw refuse("`limit` must be a whole number from 1 to 100");
}

async function listInput(stored: StoredResponses, ask: OwnAsk): Promise<JsonObject> {
  const { query } = ask;
  const limit = limitOf(query);
  const all = await inputOf(stored, ask);
  const items = query["order"] === "asc" ? all : all.toReversed();
  const { after } = query;
  const start = after === undefined ? 0 : items.findIndex((item) => item["id"] === after) + 1;
  if (after !== undefined && start === 0) throw refuse(`There is no item with id '${after}'`);
  const data = items.slice(start, start + limit);
  const idOf = (item: JsonObject | undefined): Json => item?.["id"] ?? null;
  return {
    object: "list",
    data,
    first_id: idOf(data[0]),
    last_id: idOf(data.at(-1)),
    has_more: start + limit < items.length,
  };
}

const answers: Readonly<Record<string, Answer>> = {
  "GET /responses/:a": async (stored, ask) => {
    const { response } = await found(stored, ask);
    if (ask.query["stream"] === "true")
      throw refuse("This response was not made in the background; it cannot be streamed again");
    return response;
  },
  "GET /responses/:a/input_items": listInput,
  "DELETE /responses/:a": async (stored, ask) => {
    if (!(await stored.remove(ask.id, ask.ownerId))) throw noSuchResponse(ask.id);
    return { id: ask.id, object: "response", deleted: true };
  },
  "POST /responses/:a/cancel": async (stored, ask) => {
    await found(stored, ask);
    throw refuse("Only responses that were made in the background can be cancelled");
  },
};

/** Throws `not_found`, `invalid_request`, `temporarily_unavailable`. */
export async function answerOwnResponse(
  stored: StoredResponses,
  row: string,
  ask: OwnAsk,
): Promise<RenderedReply> {
  const answer = Object.hasOwn(answers, row) ? answers[row] : undefined;
  if (answer === undefined) throw noSuchResponse(ask.id);
  return renderJson(200, await answer(stored, ask));
}
