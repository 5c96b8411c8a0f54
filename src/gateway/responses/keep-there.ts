/**
 * Responses of upstreams that speak the caller's own API but keep nothing: the gateway keeps them, as it does those that
 * it translates. Promise kept here: of what passes through only what says who keeps it is put in by splices.
 */
import { readBoolean } from "../../core/json.ts";
import type { JsonObject } from "../../core/json-value.ts";
import { eventData, eventName, renderEvent } from "../../core/sse.ts";
import { warned } from "../exchange/dropped-header.ts";
import type { Attempt } from "../exchange/ending.ts";
import { mergeMembers } from "../exchange/merge-members.ts";
import { type ResponseKeeper, notKept } from "../state/response-keeper.ts";
import { warnedOf } from "./kept-stream.ts";

type Headers = Readonly<Record<string, string>>;

/** Whether the upstream keeps the response; what runs in the background is always asked for there. */
export function upstreamKeeps({ call, endpoint }: Attempt): boolean {
  return endpoint.keepsResponses === true || upstreamRunsInBackground(call);
}

/** Whether a call asks for a response that goes on after its caller was answered. */
export function upstreamRunsInBackground({
  facts,
  request,
}: Pick<Attempt["call"], "facts" | "request">): boolean {
  const background = facts.scan.members["background"];
  return background !== undefined && readBoolean(request.body, background) === true;
}

/** Who keeps the response of a call that passes through; null: the upstream, or nobody. */
export function keeperThere(attempt: Attempt): ResponseKeeper | null {
  const { call, translation } = attempt;
  if (call.request.dialect !== "openai-responses" || translation !== null) return null;
  return upstreamKeeps(attempt) ? null : (call.state?.keeper ?? null);
}

/** A reply's headers, with what they tell of fields that were left out and of what is not kept. */
export function toldHeaders(attempt: Attempt, headers: Headers): Headers {
  const { call, translation } = attempt;
  const told = translation === null ? headers : warned(headers, translation.dropped);
  const unkept = call.state?.unkept ?? null;
  return unkept === null || (translation === null && upstreamKeeps(attempt))
    ? told
    : warnedOf(told, unkept);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parse(text: Buffer): JsonObject | undefined {
  try {
    const parsed: unknown = JSON.parse(text.toString());
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps it; answers the members that tell so, and why not. */
async function keep(
  { call }: Attempt,
  keeper: ResponseKeeper,
  response: JsonObject,
): Promise<{ readonly told: JsonObject; readonly reason: string | null }> {
  const parent = call.state?.continued.parent?.id ?? null;
  const told = { store: true, previous_response_id: parent };
  const reason = await keeper.keep({ ...response, ...told }, call.decoded.body());
  return { told: { ...told, store: reason === null }, reason };
}

/** The event that ends a stream, once its response is kept; as it was where it tells of none. */
export async function keptEvent(
  attempt: Attempt,
  keeper: ResponseKeeper,
  event: Buffer,
): Promise<Buffer> {
  const payload = eventData(event);
  const response = payload && parse(payload)?.["response"];
  if (payload === undefined || !isObject(response)) return event;
  const { told, reason } = await keep(attempt, keeper, response);
  const warning = reason === null ? {} : { metadata: { switchyard_warning: notKept(reason) } };
  const merged = mergeMembers(payload, { response: { ...told, ...warning } });
  return renderEvent(merged.toString(), eventName(event));
}

/** A whole response once it is kept, with its headers. */
export async function keptBody(
  attempt: Attempt,
  keeper: ResponseKeeper,
  reply: { readonly body: Buffer; readonly headers: Headers },
): Promise<{ readonly body: Buffer; readonly headers: Headers }> {
  const response = parse(reply.body);
  if (response === undefined) return reply;
  const { told, reason } = await keep(attempt, keeper, response);
  return { body: mergeMembers(reply.body, told), headers: warnedOf(reply.headers, reason) };
}
