/** Makes requests for rerank and media in a vendor's own API: the caller's request decoded, encoded anew, addressed. */
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { EncodedMedia, MediaCodec } from "../../dialects/media-codec.ts";
import { findMediaCodec } from "../../dialects/media-registry.ts";
import { endpointUrl } from "../../providers/address-channel.ts";
import type { Endpoint } from "../../providers/contract.ts";
import { settingsOf } from "../../providers/fill-template.ts";
import { upHeaders } from "../../upstream/headers.ts";
import type { UpstreamRequest } from "../../upstream/upstream.ts";
import type { CallRequest, DialectId, HeaderMap, Operation } from "../../wire/call.ts";
import type { FormPart, MediaRequest } from "../../wire/media.ts";
import { ordered, parametersFor } from "./channel-orders.ts";
import type { Attempt, Call } from "../exchange/ending.ts";
import type { MediaTurn } from "../exchange/endpoint-choice.ts";
import type { PreparedAttempt } from "../exchange/prepared-attempt.ts";

const kinds: Readonly<Partial<Record<Operation, MediaRequest["kind"]>>> = {
  rerank: "rerank",
  "image-generation": "image",
  "image-edit": "image",
  "image-variation": "image",
  speech: "speech",
  transcription: "transcription",
  translation: "transcription",
};

/** How an operation is translated for a dialect; undefined: it is not. */
export function mediaCodecFor(
  dialect: DialectId,
  request: Pick<CallRequest, "operation">,
): MediaCodec | undefined {
  const kind = kinds[request.operation];
  if (kind === undefined) return undefined;
  const codec = findMediaCodec(dialect);
  return codec?.serves.includes(kind) === true ? codec : undefined;
}

/** Throws `invalid_request` for what the caller's dialect or the vendor does not take. */
function makeMediaTurn(
  attempt: Pick<Attempt, "call" | "candidate" | "provider">,
  codec: MediaCodec,
  form: readonly FormPart[] | null,
): MediaTurn {
  const { call, candidate, provider } = attempt;
  const { media } = call.dialect;
  if (media === undefined)
    throw new GatewayError("invalid_request", "This request cannot be translated");
  const { operation, query } = call.request;
  const { model, stream } = call.facts;
  const body =
    form === null
      ? ({ kind: "json", value: call.decoded.body() } as const)
      : ({ kind: "form", parts: form } as const);
  const request = media.decodeRequest({ operation, model, stream, query, body });
  const settings = settingsOf(provider, candidate.channel.options.settings);
  const target = { model: candidate.model, settings };
  return { codec, request, target, encoded: codec.encodeRequest(request, target) };
}

/** Prepares an attempt in a vendor's own API; a form is read whole first. An `invalid_request` is answered, not thrown. */
export function prepareMedia(
  base: Attempt,
  codec: MediaCodec,
): PreparedAttempt | GatewayError | Promise<PreparedAttempt | GatewayError> {
  const prepare = (form: readonly FormPart[] | null): PreparedAttempt => {
    const turn = makeMediaTurn(base, codec, form);
    const attempt = { ...base, turn };
    return { attempt, request: mediaUpstreamRequest(attempt, turn) };
  };
  const { upload } = base.call;
  return upload === null ? prepare(null) : upload.form().then(prepare).catch(refusalOf);
}

/** What this channel cannot do another one may. */
function refusalOf(thrown: unknown): GatewayError {
  if (!(thrown instanceof GatewayError)) throw thrown;
  if (thrown.kind === "invalid_request" || thrown.kind === "request_too_large") return thrown;
  throw thrown;
}

/** A form that passes through keeps its boundary. */
export function uploadHeaders({ request }: Pick<Call, "request">): HeaderMap {
  return { "content-type": request.headers["content-type"] ?? "multipart/form-data" };
}

/** The request but for its credential. */
function mediaUpstreamRequest(attempt: Attempt, turn: MediaTurn): UpstreamRequest {
  const { call, candidate, provider, endpoint } = attempt;
  const { channel } = candidate;
  const { body, contentType } = renderBody(attempt, turn.encoded);
  return {
    method: "POST",
    url: urlOf(attempt, endpoint, turn.encoded),
    headers: {
      ...upHeaders({
        dialect: endpoint.dialect,
        caller: call.request.headers,
        provider: provider.headers ?? {},
        channel: channel.headers,
        accept: "*/*",
      }),
      ...turn.encoded.headers,
      "content-type": contentType,
    },
    body,
    proxy: channel.proxy,
    timeouts: channel.timeouts,
  };
}

function urlOf(attempt: Attempt, endpoint: Endpoint, encoded: EncodedMedia): string {
  const { provider, candidate } = attempt;
  // What the codec fills in is encoded before the manifest's own placeholders are looked for.
  const path = endpoint.path.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    const value = encoded.path?.[name];
    if (value === undefined) return whole;
    const segments = typeof value === "string" ? [value] : value;
    return segments.map((segment) => encodeSegment(name, segment)).join("/");
  });
  const filled = endpointUrl(
    provider,
    candidate.channel,
    { ...endpoint, path },
    { model: candidate.model, secret: candidate.credential?.secret ?? "", stream: false },
  );
  const query = new URLSearchParams(encoded.query).toString();
  return query === "" ? filled : `${filled}${filled.includes("?") ? "&" : "?"}${query}`;
}

function encodeSegment(name: string, value: string): string {
  if (value !== "" && !/^\.{1,2}$/.test(value) && value.isWellFormed())
    return encodeURIComponent(value).replaceAll("%40", "@");
  const message = `\`${name}\` cannot be part of a path`;
  const fields = [{ field: name, message }];
  throw new GatewayError("invalid_request", message, { fields, values: { detail: message } });
}

function renderBody(
  { call, candidate, endpoint }: Attempt,
  { body }: EncodedMedia,
): { readonly body: Buffer; readonly contentType: string } {
  if (body.kind === "bytes") return { body: body.data, contentType: body.contentType };
  const { channel, model } = candidate;
  const parameters = parametersFor(channel, model);
  if (body.kind === "json") {
    const value = ordered(body.value, {
      endpoint,
      parameters,
      extraBody: channel.options.extraBody,
      add: endpoint.add ?? {},
    });
    return { body: Buffer.from(JSON.stringify(value)), contentType: "application/json" };
  }
  const boundary = `switchyard-${call.request.id}`;
  return {
    body: renderForm(orderedParts(body.parts, parameters), boundary),
    contentType: `multipart/form-data; boundary=${boundary}`,
  };
}

/** A form with the channel's parameters in it, as far as fields can hold them: they stand in place of its own. */
function orderedParts(parts: readonly FormPart[], parameters: JsonObject): readonly FormPart[] {
  const fields = Object.entries(parameters).filter(
    ([, value]) => value !== null && typeof value !== "object",
  );
  if (fields.length === 0) return parts;
  const kept = parts.filter(({ name }) => fields.every(([field]) => field !== name));
  const added = fields.map(([name, value]) => ({
    name,
    fileName: null,
    mediaType: null,
    value: Buffer.from(String(value)),
  }));
  return [...kept, ...added];
}

/** Names of files are the caller's own text: what a header cannot hold is left out. */
function quoted(text: string): string {
  return `"${text.replaceAll(/[\r\n"\\]/g, "_")}"`;
}

function renderForm(parts: readonly FormPart[], boundary: string): Buffer {
  const pieces = parts.flatMap(({ name, fileName, mediaType, value }) => {
    const file = fileName === null ? "" : `; filename=${quoted(fileName)}`;
    const type =
      mediaType === null ? "" : `Content-Type: ${mediaType.replaceAll(/[\r\n]/g, "")}\r\n`;
    const head = `--${boundary}\r\nContent-Disposition: form-data; name=${quoted(name)}${file}\r\n${type}\r\n`;
    return [Buffer.from(head), value, Buffer.from("\r\n")];
  });
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]);
}
