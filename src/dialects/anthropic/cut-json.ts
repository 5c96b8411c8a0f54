/** Arguments of tool calls as the object that Anthropic's dialect wants, also where an output limit cut them off. */
import type { JsonObject } from "../../core/json-value.ts";

/** The object that a JSON text is; undefined for all other texts. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    const isObject = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
    return isObject ? (parsed as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

/** What is open at a place of a text, and the last place at which all that is open could be closed. */
interface CutState {
  readonly closers: string[];
  inString: boolean;
  escaped: boolean;
  /** Length of the text kept when it is closed there, and what closes it. */
  kept: number;
  tail: string;
}

function tailOf(closers: readonly string[]): string {
  return closers.toReversed().join("");
}

/** A value has ended, or a container begun: here the text could be closed. */
function mark(state: CutState, length: number): void {
  state.kept = length;
  state.tail = tailOf(state.closers);
}

function step(state: CutState, char: string, index: number): void {
  if (state.inString) {
    if (state.escaped) state.escaped = false;
    else if (char === "\\") state.escaped = true;
    else if (char === '"') state.inString = false;
    return;
  }
  if (char === '"') state.inString = true;
  else if (char === "{" || char === "[") {
    state.closers.push(char === "{" ? "}" : "]");
    mark(state, index + 1);
  } else if (char === "}" || char === "]") {
    state.closers.pop();
    mark(state, index + 1);
  } else if (char === ",") mark(state, index);
}

/** As much of a JSON object as came before it was cut off: whole members, none half. */
function completeObject(text: string): JsonObject | undefined {
  const state: CutState = { closers: [], inString: false, escaped: false, kept: 0, tail: "" };
  for (let index = 0; index < text.length; index += 1) step(state, text.charAt(index), index);
  return parseObject(text.slice(0, state.kept) + state.tail);
}

/** The object of a call's arguments: whole, or what parses of it, or an empty one. */
export function inputOf(text: string): JsonObject {
  return parseObject(text) ?? completeObject(text) ?? {};
}
