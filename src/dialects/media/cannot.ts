/** Refusals of what a vendor cannot do, in the words of the caller's fields; and checks that all codecs share. */
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { ImageRequest, MediaRequest } from "../../wire/media.ts";
import { findObject } from "../parse-object.ts";
import type { DecodedMedia, MediaAnswer } from "../media-codec.ts";
import { fieldFault } from "../refuse.ts";

/** The error of a field that this vendor cannot do. */
export const cannot = fieldFault;

/** The request as the kind that a codec serves. */
export function asKind<Kind extends MediaRequest["kind"]>(
  request: MediaRequest,
  kind: Kind,
): Extract<MediaRequest, { kind: Kind }> {
  if (request.kind !== kind) throw new TypeError(`a request for ${request.kind}, not ${kind}`);
  return request as Extract<MediaRequest, { kind: Kind }>;
}

/** Refuses edits and variations where a vendor only generates. */
export function onlyGenerates(request: ImageRequest): void {
  if (request.action !== "generate")
    throw cannot("model", "This model's channel generates images; it does not edit or vary them");
}

/** Refuses base64 where a vendor answers with URLs alone. */
export function onlyUrls(request: ImageRequest): void {
  if (request.deliver === "base64" || request.stream)
    throw cannot(
      request.stream ? "stream" : "response_format",
      "This model's channel delivers images as URLs; ask for `response_format: url`, not streamed",
    );
}

/** The audio of a reply that is nothing else. Throws `upstream_invalid` for JSON and for nothing. */
function audioOf(answer: MediaAnswer): Buffer {
  const type = answer.headers["content-type"] ?? "";
  if (answer.body.length > 0 && !type.includes("json")) return answer.body;
  throw new GatewayError("upstream_invalid", "the reply is not the audio it should be");
}

/** A member that is an object; an empty one where it is anything else. */
export function objectIn(value: unknown): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : {};
}

/** Members of a list that are objects. */
export function objectsIn(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.map(objectIn) : [];
}

/** A reply's JSON, an empty object where it is something else. */
export function looseObject(body: Buffer): JsonObject {
  return findObject(body) ?? {};
}

/** A reply that is the audio itself. */
export function audioReply(answer: MediaAnswer, mediaType: string | undefined): DecodedMedia {
  const audio = audioOf(answer);
  const reply = { audio, mediaType: mediaType ?? "audio/mpeg", model: null, usage: null };
  return { kind: "reply", reply: { kind: "speech", ...reply } };
}
