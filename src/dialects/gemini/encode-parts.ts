/** Parts of our own as parts of Google's, for requests and replies alike. */
import type { JsonObject } from "../../core/json-value.ts";
import type { MediaPart, ToolResultPart } from "../../wire/conversation.ts";
import { argumentsObject } from "../tool-arguments.ts";
import { writeResult } from "./function-results.ts";
import { typeOfUrl } from "./media-types.ts";

/** Media as `inlineData` or `fileData`. */
export function encodeMedia({ source, medium, title }: MediaPart): JsonObject {
  const named = title === undefined ? {} : { displayName: title };
  if (source.kind === "data")
    return { inlineData: { mimeType: source.mediaType, data: source.data, ...named } };
  if (source.kind === "text") {
    const data = Buffer.from(source.text).toString("base64");
    return { inlineData: { mimeType: "text/plain", data, ...named } };
  }
  const uri = source.kind === "url" ? source.url : source.fileId;
  return { fileData: { mimeType: source.mediaType ?? typeOfUrl(uri, medium), fileUri: uri } };
}

export interface EncodedCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

export function encodeCall(call: EncodedCall): JsonObject {
  return { functionCall: { id: call.id, name: call.name, args: argumentsObject(call.arguments) } };
}

/** A function's response; `inside`: whether media may stand in it. Answers the parts, media outside behind it. */
export function encodeResult(result: ToolResultPart, inside: boolean): JsonObject[] {
  const { callId, name, content, isError } = result;
  const texts = content.flatMap((part) => (part.kind === "text" ? [part.text] : []));
  const media = content.flatMap((part) => (part.kind === "media" ? [encodeMedia(part)] : []));
  const response = writeResult({ text: texts.join("\n"), isError });
  const functionResponse = { id: callId, name: name ?? "unknown", response };
  if (!inside) return [{ functionResponse }, ...media];
  const parts = media.length === 0 ? {} : { parts: media };
  return [{ functionResponse: { ...functionResponse, ...parts } }];
}
