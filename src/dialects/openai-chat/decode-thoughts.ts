/** Reads the thoughts that a caller's history brings back, in each of the ways clients have for them. */
import type { Json, JsonObject } from "../../core/json-value.ts";
import type { ReasoningPart } from "../../wire/conversation.ts";
import { readDetail } from "./thought-details.ts";
import { objectsOf, textOf } from "../loose-fields.ts";
import { findList, findText, type Note, requireObject } from "../request-members.ts";

const detailTypes = [
  "reasoning.text",
  "reasoning.summary",
  "reasoning.encrypted",
  "thinking",
  "redacted_thinking",
];

function decodeDetails(list: readonly Json[], path: string): ReasoningPart[] {
  const details = list.map((item, index) => requireObject(item, `${path}[${index}]`));
  return details
    .filter((detail) => detailTypes.includes(textOf(detail["type"])))
    .map((detail) => readDetail(detail, "openai-chat"));
}

/**
 * Thoughts of one assistant message. Details hold the text too, so where there are any, the plain text is not read.
 * Where details came back without their text (some clients keep only signatures), the plain text is theirs.
 */
export function decodeThoughts(message: JsonObject, path: string, note: Note): ReasoningPart[] {
  const plainName = typeof message["reasoning_content"] === "string" ? "_content" : "";
  const plain = findText(message, `reasoning${plainName}`, path) ?? "";
  for (const name of ["reasoning_details", "thinking_blocks"]) {
    const list = findList(message, name, path);
    const parts = list === undefined ? [] : decodeDetails(list, `${path}.${name}`);
    if (parts.length === 0) continue;
    note("reasoning-history", `${path}.${name}`);
    return withText(parts, plain);
  }
  if (plain === "") return [];
  note("reasoning-history", `${path}.reasoning${plainName}`);
  return [{ kind: "reasoning", text: plain }];
}

function withText(parts: ReasoningPart[], plain: string): ReasoningPart[] {
  const isBare = parts.every(({ text }) => text === "");
  const first = parts.findIndex(({ redacted }) => redacted !== true);
  if (!isBare || plain === "") return parts;
  if (first === -1) return [{ kind: "reasoning", text: plain }, ...parts];
  return parts.map((part, index) => (index === first ? { ...part, text: plain } : part));
}

/** Thoughts within a content list, as Mistral tells them: `{type:"thinking",thinking:[{type:"text",text}]}`. */
export function decodeThinkingPart(part: JsonObject, path: string, note: Note): ReasoningPart {
  note("reasoning-history", path);
  return { kind: "reasoning", text: thinkingText(part) };
}

/** The text of Mistral's thinking part. */
export function thinkingText(part: JsonObject): string {
  const thinking = part["thinking"];
  if (typeof thinking === "string") return thinking;
  return objectsOf(thinking)
    .map((item) => textOf(item["text"]))
    .join("");
}
