/** Reads the tool calls of an assistant's message, in today's and in the legacy form. */
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";
import type { Carried, ToolCallPart } from "../../wire/conversation.ts";
import { readCarried } from "../carried.ts";
import { refuse } from "../refuse.ts";
import { findList, findObject, findText, requireName, requireObject } from "../request-members.ts";

/** Gemini's signature, under the name that Google's compatible endpoint gave it. */
function signatureOf(call: JsonObject): { readonly carried?: Carried } {
  const extra = call["extra_content"];
  const google = isObject(extra) ? extra["google"] : undefined;
  const signature = isObject(google) ? google["thought_signature"] : undefined;
  if (typeof signature !== "string" || signature === "") return {};
  return { carried: readCarried(signature, "gemini-content") };
}

function decodeCall(value: Json, path: string): ToolCallPart {
  const call = requireObject(value, path);
  const id = requireName(call, "id", path);
  const type = findText(call, "type", path) ?? "function";
  if (type === "custom") {
    const custom = requireObject(call["custom"], `${path}.custom`);
    const name = requireName(custom, "name", `${path}.custom`);
    const input = findText(custom, "input", `${path}.custom`) ?? "";
    return { kind: "tool-call", id, name, arguments: input, custom: true };
  }
  if (type !== "function") throw refuse(`${path}.type`, `must be "function" or "custom"`);
  const fields = requireObject(call["function"], `${path}.function`);
  const name = requireName(fields, "name", `${path}.function`);
  const text = findText(fields, "arguments", `${path}.function`) ?? "";
  const carried = signatureOf(call);
  return {
    kind: "tool-call",
    id,
    name,
    arguments: text.trim() === "" ? "{}" : text,
    ...carried,
  };
}

/** Tool calls of a message; `turn` makes the id of a legacy call, which has none. */
export function decodeToolCalls(message: JsonObject, path: string, turn: number): ToolCallPart[] {
  const list = findList(message, "tool_calls", path) ?? [];
  const calls = list.map((value, index) => decodeCall(value, `${path}.tool_calls[${index}]`));
  const legacy = findObject(message, "function_call", path);
  if (legacy === undefined || calls.length > 0) return calls;
  const name = requireName(legacy, "name", `${path}.function_call`);
  const text = findText(legacy, "arguments", `${path}.function_call`) ?? "";
  const id = `call_${turn}_${name}`.slice(0, 40);
  return [{ kind: "tool-call", id, name, arguments: text.trim() === "" ? "{}" : text }];
}
