/** A conversation as the body of Coze's `POST /v3/chat`. */
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type {
  AssistantPart,
  Conversation,
  MediaPart,
  TextPart,
  ToolResultPart,
  UserPart,
} from "../../wire/conversation.ts";
import type { EncodeTarget } from "../codec.ts";
import { systemAsUser } from "../system-turns.ts";
import { arrangeTurns } from "../turns.ts";

/** Told of callers who name no end user: Coze wants one. */
const anybody = "anybody";

const paragraph = "\n\n";

/** What the vendor takes of metadata. */
const maxMetadata = { items: 16, name: 64, value: 512 };

function refuse(message: string): GatewayError {
  return new GatewayError("invalid_request", message, {
    fields: [{ field: "messages", message }],
    values: { detail: message },
  });
}

/** A part of a message that is more than text; only addresses are taken. */
function encodeMedia({ medium, source, title }: MediaPart): JsonObject {
  if (source.kind === "text") return { type: "text", text: joined([title ?? "", source.text]) };
  if (source.kind !== "url" || medium === "video" || medium === "audio")
    throw refuse(
      "The upstream of this model takes images and documents by URL, and no other media",
    );
  return { type: medium === "image" ? "image" : "file", file_url: source.url };
}

function joined(texts: readonly string[]): string {
  return texts.filter((text) => text !== "").join(paragraph);
}

function encodeUser(
  parts: readonly (ToolResultPart | UserPart)[],
  instructions: readonly TextPart[],
): JsonObject[] {
  const told = [...instructions, ...parts];
  const media = told.filter((part) => part.kind === "media").map(encodeMedia);
  const text = joined(told.map((part) => (part.kind === "text" ? part.text : "")));
  if (media.length === 0 && text === "") return [];
  const message = { role: "user", type: "question" };
  if (media.every(({ type }) => type === "text")) {
    const content = joined([...media.map((part) => String(part["text"])), text]);
    return [{ ...message, content_type: "text", content }];
  }
  const all = text === "" ? media : [{ type: "text", text }, ...media];
  return [{ ...message, content_type: "object_string", content: JSON.stringify(all) }];
}

function encodeAssistant(parts: readonly AssistantPart[]): JsonObject[] {
  if (parts.some(({ kind }) => kind === "tool-call"))
    throw refuse("The bots behind this model call only tools of their own");
  const content = joined(
    parts.map((part) => (part.kind === "text" || part.kind === "refusal" ? part.text : "")),
  );
  return content === ""
    ? []
    : [{ role: "assistant", type: "answer", content_type: "text", content }];
}

/** Instructions stand before the first question: the bot's own stand where others have theirs. */
function encodeMessages({ system, messages }: Conversation): JsonObject[] {
  const turns = arrangeTurns(systemAsUser(messages));
  const first = turns.findIndex(({ role }) => role === "user");
  const encoded = turns.flatMap((turn, index) =>
    turn.role === "user"
      ? encodeUser(turn.parts, index === first ? system : [])
      : encodeAssistant(turn.parts),
  );
  const alone = first === -1 ? encodeUser([], system) : [];
  return [...encoded, ...alone];
}

function encodeMetadata(metadata: JsonObject | null): JsonObject {
  const items = Object.entries(metadata ?? {})
    .filter(([name, value]) => name !== "" && value !== null)
    .slice(0, maxMetadata.items)
    .map(([name, value]) => [
      name.slice(0, maxMetadata.name),
      (typeof value === "string" ? value : JSON.stringify(value)).slice(0, maxMetadata.value),
    ]);
  return items.length === 0 ? {} : { meta_data: Object.fromEntries(items) as JsonObject };
}

/** Fields that the dialect's table does not tell of. */
export function droppedBy({ maxOutputTokens }: Conversation): readonly string[] {
  return maxOutputTokens === null ? [] : ["max_tokens"];
}

/** Encodes a request; see codec.ts. Throws `invalid_request` for inline media and for calls of tools. */
export function encodeRequest(conversation: Conversation, { model }: EncodeTarget): JsonObject {
  return {
    bot_id: model,
    user_id: conversation.endUser ?? anybody,
    // What is not streamed must be kept by the vendor, and asked for until it is there.
    stream: true,
    auto_save_history: false,
    additional_messages: encodeMessages(conversation),
    ...encodeMetadata(conversation.metadata),
  };
}
