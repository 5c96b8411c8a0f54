/** Converse's whole replies and errors in our own shape. */
import { GatewayError } from "../../core/errors.ts";
import { isObject, type JsonObject } from "../../core/json-value.ts";
import type { ChatReply, ReplyError } from "../../wire/chat-reply.ts";
import type { AssistantPart, MediaPart } from "../../wire/conversation.ts";
import { issuerOf } from "../carried.ts";
import type { ReadContext } from "../codec.ts";
import { exceptionStatus } from "../framing.ts";
import { findObject } from "../parse-object.ts";
import { type Fields, fieldsOf, findText, listOf, textOf } from "../loose-fields.ts";
import { readCitation, readFinish, readTier, readUsage } from "./reply-words.ts";

/** Most bytes of an error that is no JSON. */
const maxErrorLength = 500;

function readReasoning(value: Fields, model: string): AssistantPart[] {
  const issuer = issuerOf("bedrock-converse", model);
  const redacted = findText(value["redactedContent"]);
  if (redacted !== null)
    return [{ kind: "reasoning", text: "", redacted: true, carried: { issuer, data: redacted } }];
  const { text, signature } = fieldsOf(value["reasoningText"]);
  const data = findText(signature);
  if (data === null && textOf(text) === "") return [];
  const carried = data === null ? {} : { carried: { issuer, data } };
  return [{ kind: "reasoning", text: textOf(text), ...carried }];
}

/** A call of one of Bedrock's own tools is nobody's to answer. */
function readToolUse(value: Fields): AssistantPart[] {
  const id = findText(value["toolUseId"]);
  const name = findText(value["name"]);
  if (value["type"] === "server_tool_use" || id === null || name === null) return [];
  const input = isObject(value["input"]) ? value["input"] : {};
  return [{ kind: "tool-call", id, name, arguments: JSON.stringify(input) }];
}

function readCited(value: Fields): AssistantPart[] {
  const text = listOf(value["content"])
    .map((item) => textOf(fieldsOf(item)["text"]))
    .join("");
  if (text === "") return [];
  const citations = listOf(value["citations"]).map((item) => readCitation(item, 0, text.length));
  return [{ kind: "text", text, ...(citations.length === 0 ? {} : { citations }) }];
}

/** An image made by the model; none where its bytes are elsewhere. */
export function imagePart(format: unknown, bytes: unknown): MediaPart | undefined {
  const data = findText(bytes);
  if (data === null) return undefined;
  const mediaType = `image/${findText(format) ?? "png"}`;
  return { kind: "media", medium: "image", source: { kind: "data", mediaType, data } };
}

function readImage(value: Fields): AssistantPart[] {
  const part = imagePart(value["format"], fieldsOf(value["source"])["bytes"]);
  return part === undefined ? [] : [part];
}

function readBlock(block: Fields, context: ReadContext): AssistantPart[] {
  const text = findText(block["text"]);
  if (text !== null) return [{ kind: "text", text }];
  if (isObject(block["toolUse"])) return readToolUse(block["toolUse"]);
  if (isObject(block["reasoningContent"]))
    return readReasoning(block["reasoningContent"], context.model);
  if (isObject(block["citationsContent"])) return readCited(block["citationsContent"]);
  return isObject(block["image"]) ? readImage(block["image"]) : [];
}

/** Decodes a whole reply; see codec.ts. */
export function decodeReply(body: JsonObject, context: ReadContext): ChatReply {
  const message: unknown = fieldsOf(body["output"])["message"];
  if (!isObject(message))
    throw new GatewayError("upstream_invalid", "The reply has no `output.message`");
  const parts = listOf(message["content"]).flatMap((block) => readBlock(fieldsOf(block), context));
  const called = parts.some(({ kind }) => kind === "tool-call");
  const finish = readFinish(body["stopReason"], body["additionalModelResponseFields"], called);
  const tier = readTier(body);
  return {
    id: null,
    model: null,
    createdAtS: null,
    choices: [{ index: 0, parts, finish, logprobs: null }],
    usage: readUsage(body["usage"], tier),
    serviceTier: tier,
  };
}

/** AWS puts the type before a `:` and behind a `#`: `com.amazon.coral#ThrottlingException:http://…`. */
function readType(fields: Fields): string | null {
  const told = findText(fields["__type"]) ?? findText(fields["code"]);
  return told?.split(":", 1)[0]?.split("#").at(-1) ?? null;
}

/** Decodes an error's body; its type often stands in a header only, then it is null here. */
export function decodeError(body: Buffer): ReplyError {
  const fields = fieldsOf(findObject(body));
  const type = readType(fields);
  const message = findText(fields["message"]) ?? findText(fields["Message"]);
  return {
    message: message ?? body.toString("utf8", 0, maxErrorLength),
    type,
    code: null,
    status: type === null ? null : exceptionStatus(type),
  };
}
