/** A body without encrypted thoughts, for when OpenAI reads one of them no longer: another organisation's model made it. */
import type { Json, JsonObject } from "../../core/json-value.ts";
import { fieldsOf, listOf } from "../loose-fields.ts";

const said: readonly unknown[] = ["function_call", "custom_tool_call", "message"];

/** What thoughts led to names them by its id, and is refused without them: so it goes without. */
function withoutId(item: Json): Json {
  const { type, role } = fieldsOf(item);
  if (!said.includes(type) || (type === "message" && role !== "assistant")) return item;
  const { id: _id, ...rest } = item as JsonObject;
  return rest;
}

/** The body but for its reasoning items. */
export function unsigned(body: JsonObject): JsonObject {
  const input = listOf(body["input"]) as readonly Json[];
  const kept = input.filter((item) => fieldsOf(item)["type"] !== "reasoning");
  return kept.length === input.length ? body : { ...body, input: kept.map(withoutId) };
}
