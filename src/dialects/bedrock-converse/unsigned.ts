/** A body without thoughts, for when a model reads one of their signatures no longer: another model made it. */
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";
import { fieldsOf, listOf } from "../loose-fields.ts";

const placeholder: Json = { text: "…" };

function withoutThoughts(message: Json): Json {
  const blocks = listOf(fieldsOf(message)["content"]) as readonly Json[];
  const kept = blocks.filter((block) => !("reasoningContent" in fieldsOf(block)));
  if (kept.length === blocks.length) return message;
  return { ...(message as JsonObject), content: kept.length === 0 ? [placeholder] : kept };
}

/** Whether the turn before the results at the end made calls: Claude then wants its thoughts, or none at all. */
function isLoop(messages: readonly Json[]): boolean {
  const last = messages.findLast((message) => fieldsOf(message)["role"] === "assistant");
  return listOf(fieldsOf(last)["content"]).some((block) => "toolUse" in fieldsOf(block));
}

export function unsigned(body: JsonObject): JsonObject {
  const messages = (listOf(body["messages"]) as readonly Json[]).map(withoutThoughts);
  const fields = body["additionalModelRequestFields"];
  if (!isLoop(messages) || !isObject(fields)) return { ...body, messages };
  const { thinking: _thinking, ...rest } = fields as JsonObject;
  return { ...body, messages, additionalModelRequestFields: rest };
}
