/**
 * Which of a provider's endpoints takes a request: the one that speaks the caller's own dialect, else the first that
 * the request can be translated for.
 * Promise kept here: nobody is sent what it cannot do; what stands in the way is named.
 */
import { GatewayError } from "../../core/errors.ts";
import { type TargetId, judge } from "../../dialects/fidelity.ts";
import { findUpstreamCodec } from "../../dialects/registry.ts";
import { endpointsOf, servesModel } from "../../providers/address-channel.ts";
import type { Endpoint, Provider, UpstreamOperation } from "../../providers/contract.ts";
import type { Channel } from "../../sync/entities.ts";
import type { CallRequest, DialectId } from "../../wire/call.ts";
import { translatesEmbeddings, turnEmbeddings } from "./embeddings.ts";
import type { Call } from "../exchange/ending.ts";
import type { EndpointChoice } from "../exchange/endpoint-choice.ts";
import { mediaCodecFor } from "./media-request.ts";

/** Endpoints of a channel for an operation and a model as sent, in order of preference. */
export function endpointsFor(
  channel: Channel,
  provider: Provider,
  asked: { readonly operation: UpstreamOperation; readonly model: string },
): readonly Endpoint[] {
  const all = endpointsOf(provider, channel, asked.operation);
  return all.every((endpoint) => servesModel(endpoint, asked.model))
    ? all
    : all.filter((endpoint) => servesModel(endpoint, asked.model));
}

/** Whether an endpoint can take requests of a caller's dialect at all. */
export function canTake(
  endpoint: Endpoint,
  request: Pick<CallRequest, "dialect" | "operation">,
): boolean {
  if (endpoint.dialect === request.dialect) return true;
  if (mediaCodecFor(endpoint.dialect, request) !== undefined) return true;
  if (translatesEmbeddings(endpoint.dialect, request)) return true;
  return request.operation === "chat" && findUpstreamCodec(endpoint.dialect) !== undefined;
}

/** Throws `invalid_request` naming the fields that stand in the way; undefined: no endpoint fits. */
export function chooseEndpoint(
  call: Call,
  endpoints: readonly Endpoint[],
  model: string,
): EndpointChoice | undefined {
  const { request, decoded } = call;
  const own = endpoints.find(({ dialect }) => dialect === request.dialect);
  if (own !== undefined && !mustTranslate(call)) return { endpoint: own, translation: null };
  if (request.operation === "embeddings")
    return firstFitting(endpoints, (endpoint) => {
      const embedding = turnEmbeddings(call, endpoint.dialect);
      return embedding === undefined ? undefined : { endpoint, translation: null, embedding };
    });
  if (request.operation !== "chat") return chooseMedia(call, endpoints);
  return firstFitting(own === undefined ? endpoints : [own, ...endpoints], (endpoint) => {
    const codec = findUpstreamCodec(endpoint.dialect);
    if (codec === undefined) return undefined;
    const conversation = decoded.conversation();
    const judged = judge(conversation.uses, endpoint.dialect as TargetId);
    const { stream } = call.facts;
    const quirks = endpoint.quirks ?? [];
    const target = { model, stream, askUsage: endpoint.usageOptIn, quirks };
    const refused = codec.droppedBy?.(conversation, target) ?? [];
    return { endpoint, translation: { codec, dropped: [...new Set([...judged, ...refused])] } };
  });
}

/** The first choice that is not refused; throws the first refusal where all others are too. */
function firstFitting(
  endpoints: readonly Endpoint[],
  choose: (endpoint: Endpoint) => EndpointChoice | undefined,
): EndpointChoice | undefined {
  let refusal: GatewayError | undefined;
  for (const endpoint of endpoints)
    try {
      const choice = choose(endpoint);
      if (choice !== undefined) return choice;
    } catch (thrown) {
      if (!(thrown instanceof GatewayError) || thrown.kind !== "invalid_request") throw thrown;
      refusal ??= thrown;
    }
  if (refusal !== undefined) throw refusal;
  return undefined;
}

function chooseMedia(call: Call, endpoints: readonly Endpoint[]): EndpointChoice | undefined {
  for (const endpoint of endpoints) {
    const media = mediaCodecFor(endpoint.dialect, call.request);
    if (media !== undefined && call.dialect.media !== undefined)
      return { endpoint, translation: null, media };
  }
  return undefined;
}

/** Dialects whose edits cut by themselves what other vendors signed; nothing else of the body is touched then. */
const cutForeign: readonly DialectId[] = ["anthropic-messages", "openai-responses"];

/**
 * Packed signatures of other vendors are otherwise unpacked or left out by the codecs only; and what callers of an
 * older version of an API send and want back (Cohere's v1) no vendor is asked for.
 */
function mustTranslate({ dialect, decoded, request }: Call): boolean {
  if (request.operation === "rerank") return request.pathAction === "v1";
  if (request.operation !== "chat" || dialect.front === null) return false;
  return !cutForeign.includes(dialect.id) && decoded.holdsForeign();
}
