/** A body without thoughts, for when Anthropic reads one of their signatures no longer: another model made it. */
import { splice } from "../../core/json.ts";
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";
import { fieldsOf, listOf } from "../loose-fields.ts";
import { loopThinkingEdits } from "./loop-thinking.ts";

/** Stands where a turn was nothing but thoughts: a turn must not be empty. */
const placeholder: Json = { type: "text", text: "…" };

function isThought(block: unknown): boolean {
  const { type } = fieldsOf(block);
  return type === "thinking" || type === "redacted_thinking";
}

function withoutThoughts(message: Json): Json {
  if (!isObject(message) || message["role"] !== "assistant") return message as Json;
  const blocks = listOf(message["content"]) as readonly Json[];
  const kept = blocks.filter((block) => !isThought(block));
  if (kept.length === blocks.length) return message as Json;
  return { ...(message as JsonObject), content: kept.length === 0 ? [placeholder] : kept };
}

/** Where thoughts would be wanted in a tool loop, none are asked for any more. */
export function unsigned(body: JsonObject): JsonObject {
  const messages = (listOf(body["messages"]) as readonly Json[]).map(withoutThoughts);
  const bytes = Buffer.from(JSON.stringify({ ...body, messages }));
  if (fieldsOf(body["thinking"])["type"] !== "enabled") return { ...body, messages };
  return JSON.parse(splice(bytes, loopThinkingEdits(bytes)).toString()) as JsonObject;
}
