/** Arguments of tool calls as the object that Anthropic's dialect wants, also where an output limit cut them off. */
import { parseJson } from "../../core/json-depth.ts";
import type { JsonObject } from "../../core/json-value.ts";

/** The object that a JSON text is; undefined for all other texts. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const parsed = parseJson(text);
    const isObject = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
    return isObject ? (parsed as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

/** A container that is open, within others. */
interface Open {
  readonly closer: string;
  readonly within: Open | null;
}

/** What is open at a place of a text, and the last place at which all that is open could be closed. */
interface CutState {
  open: Open | null;
  inString: boolean;
  escaped: boolean;
  /** Length of the text kept when it is closed there, and what is open there. */
  kept: number;
  keptOpen: Open | null;
}

function tailOf(innermost: Open | null): string {
  let tail = "";
  for (let open = innermost; open !== null; open = open.within) tail += open.closer;
  return tail;
}

/** A value has ended, or a container begun: here the text could be closed. */
function mark(state: CutState, length: number): void {
  state.kept = length;
  state.keptOpen = state.open;
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
    state.open = { closer: char === "{" ? "}" : "]", within: state.open };
    mark(state, index + 1);
  } else if (char === "}" || char === "]") {
    state.open = state.open?.within ?? null;
    mark(state, index + 1);
  } else if (char === ",") mark(state, index);
}

/** As much of a JSON object as came before it was cut off: whole members, none half. */
function completeObject(text: string): JsonObject | undefined {
  const state: CutState = { open: null, inString: false, escaped: false, kept: 0, keptOpen: null };
  for (let index = 0; index < text.length; index += 1) step(state, text.charAt(index), index);
  return parseObject(text.slice(0, state.kept) + tailOf(state.keptOpen));
}

/** The object of a call's arguments: whole, or what parses of it, or an empty one. */
export function inputOf(text: string): JsonObject {
  return parseObject(text) ?? completeObject(text) ?? {};
}
