/** Makes the attempt at a candidate and the request that it sends: the caller's own body edited, or translated. */
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { Framing } from "../../dialects/codec.ts";
import { endpointUrl } from "../../providers/address-channel.ts";
import type { UpstreamOperation } from "../../providers/contract.ts";
import { findProvider } from "../../providers/registry.ts";
import type { Candidate } from "../../route/plan.ts";
import { upHeaders } from "../../upstream/headers.ts";
import type { UpstreamRequest } from "../../upstream/upstream.ts";
import { betasFor } from "./betas.ts";
import { instructed, ordered, parametersFor } from "./channel-orders.ts";
import { chooseEndpoint, endpointsFor } from "./choose-endpoint.ts";
import type { Translation } from "../exchange/endpoint-choice.ts";
import { embeddingBody } from "./embeddings.ts";
import type { Attempt, Call } from "../exchange/ending.ts";
import type { CallMedia } from "./fetch-media.ts";
import { inlineMedia, type InlinedAttempt } from "./inline-media.ts";
import { refuseLacking } from "./lacking.ts";
import { prepareMedia, uploadHeaders } from "./media-request.ts";
import { putWish, wishOf, wished } from "./model-wishes.ts";
import { standingThere } from "../responses/standing-there.ts";
import type { PreparedAttempt } from "../exchange/prepared-attempt.ts";

const nothing: JsonObject = {};

/** What this channel cannot do, or cannot be addressed for, is answered, not thrown: another one may do it. */
export function prepareAttempt(
  call: Call,
  candidate: Candidate,
  media?: CallMedia,
): PreparedAttempt | GatewayError | Promise<PreparedAttempt | GatewayError> {
  const { channel, model } = candidate;
  const provider = findProvider(channel.provider);
  if (provider === undefined)
    throw new GatewayError("internal", `unknown provider ${channel.provider}`);
  const operation = call.request.operation as UpstreamOperation;
  const unsealed = call.state?.unsealed ?? null;
  if (unsealed !== null && !channel.options.unsealedIds) return unsealed;
  try {
    refuseLacking(provider, call);
    const endpoints = endpointsFor(channel, provider, { operation, model });
    const choice = chooseEndpoint(call, endpoints, model);
    if (choice === undefined)
      return new GatewayError("invalid_request", `channel ${channel.id} has no endpoint for this`);
    const mapped = model !== call.facts.model;
    const shownModel = mapped && channel.replyModel === "asked" ? call.facts.model : null;
    const attempt: Attempt = { call, candidate, provider, shownModel, ...choice };
    if (choice.media !== undefined) return prepareMedia(attempt, choice.media);
    const inlined = inlineMedia(attempt, media);
    if (inlined !== undefined) return prepareInlined(inlined);
    return { attempt, request: makeRequest({ attempt }) };
  } catch (thrown) {
    return answered(thrown);
  }
}

function answered(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError && thrown.kind !== "internal") return thrown;
  throw thrown;
}

async function prepareInlined(
  coming: Promise<InlinedAttempt>,
): Promise<PreparedAttempt | GatewayError> {
  try {
    const inlined = await coming;
    return { attempt: inlined.attempt, request: makeRequest(inlined) };
  } catch (thrown) {
    return answered(thrown);
  }
}

/** The request but for its credential. */
function makeRequest(inlined: InlinedAttempt): UpstreamRequest {
  const { attempt } = inlined;
  const { call, candidate, provider, endpoint } = attempt;
  const { channel } = candidate;
  const betas = betasFor(provider, endpoint, call.request.headers);
  const add =
    betas.inBody === null
      ? (endpoint.add ?? nothing)
      : { ...endpoint.add, anthropic_beta: betas.inBody };
  const headers = upHeaders({
    dialect: endpoint.dialect,
    caller: call.request.headers,
    provider: provider.headers,
    channel: channel.headers,
    accept: acceptOf(attempt),
    betas: betas.header,
  });
  return {
    method: "POST",
    url: urlOf(attempt),
    headers: call.upload === null ? headers : { ...headers, ...uploadHeaders(call) },
    body: call.upload?.body(candidate.model) ?? bodyOf(inlined, add),
    proxy: channel.proxy,
    timeouts: channel.timeouts,
  };
}

const streamTypes: Readonly<Record<Framing, string>> = {
  sse: "text/event-stream",
  ndjson: "application/x-ndjson",
  "aws-event-stream": "application/vnd.amazon.eventstream",
  "aws-invoke": "application/vnd.amazon.eventstream",
};

function acceptOf({ call, endpoint, translation }: Attempt): string {
  // Audio, subtitles, events or JSON: the body says which.
  if (endpoint.dialect === "openai-media") return "*/*";
  if (!call.facts.stream && endpoint.streamsOnly !== true) return "application/json";
  return streamTypes[endpoint.framing ?? translation?.codec.framing ?? "sse"];
}

function urlOf({ call, candidate, provider, endpoint, embedding }: Attempt): string {
  const { operation, pathAction } = call.request;
  // Actions come from the table of public paths.
  const served = endpoint.path.includes("{action}")
    ? { ...endpoint, path: endpoint.path.replace("{action}", pathAction ?? "") }
    : endpoint;
  const url = endpointUrl(provider, candidate.channel, served, {
    model: candidate.model,
    secret: candidate.credential?.secret ?? "",
    stream: call.facts.stream || endpoint.streamsOnly === true,
  });
  // Gemini names by the path which of an operation's forms the body has (`:embedContent`, `:batchEmbedContents`).
  if (operation !== "embeddings" || embedding !== undefined || pathAction === undefined) return url;
  return url.replace(/:[a-z]+$/i, `:${pathAction}`);
}

function bodyOf(inlined: InlinedAttempt, add: JsonObject): Buffer {
  const { candidate, endpoint } = inlined.attempt;
  const { channel, model } = candidate;
  const body = foreignBody(inlined.attempt);
  if (body === undefined) return editedBody(inlined, add);
  const parameters = parametersFor(channel, model);
  const { extraBody } = channel.options;
  return Buffer.from(JSON.stringify(ordered(body, { endpoint, parameters, extraBody, add })));
}

/** In the endpoint's dialect; undefined: it is the caller's own. */
function foreignBody(attempt: Attempt): JsonObject | undefined {
  const { candidate, translation, embedding } = attempt;
  if (translation !== null) return encodedBody(attempt, translation);
  return embedding === undefined ? undefined : embeddingBody(embedding, candidate.model);
}

function editedBody({ attempt, files }: InlinedAttempt, add: JsonObject): Buffer {
  const { call, candidate, endpoint } = attempt;
  const { channel, model } = candidate;
  const { options } = channel;
  const own = standingThere(attempt);
  const body = call.dialect.edit(own.body, own.facts, {
    model,
    askUsage: endpoint.usageOptIn,
    parameters: parametersFor(channel, model),
    extraBody: options.extraBody,
    systemPrompt: call.request.operation === "chat" ? options.systemPrompt : null,
    omit: endpoint.omit ?? [],
    add,
    quirks: endpoint.quirks ?? [],
    ...(files === undefined ? {} : { inline: files }),
  });
  const wish = wishOf(attempt);
  return wish === null ? body : putWish(body, attempt, wish);
}

function encodedBody(attempt: Attempt, { codec, ...translation }: Translation): JsonObject {
  const { call, candidate, endpoint } = attempt;
  const { options } = candidate.channel;
  const conversation = wished(
    translation.conversation ?? call.decoded.conversation(),
    wishOf(attempt),
  );
  return codec.encodeRequest(instructed(conversation, options.systemPrompt), {
    model: candidate.model,
    stream: call.facts.stream || endpoint.streamsOnly === true,
    askUsage: endpoint.usageOptIn,
    quirks: endpoint.quirks ?? [],
  });
}
