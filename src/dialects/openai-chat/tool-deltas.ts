/**
 * Puts tool calls together out of the deltas that vendors send: whole or in pieces, with and without index and id,
 * names repeated, arguments as text or object. Promise kept here: no call is lost, torn in two or run into another.
 */
import type { JsonObject } from "../../core/json-value.ts";
import { mintToolCallId } from "../call-ids.ts";
import { findCount, findText, jsonOf, textOf } from "../loose-fields.ts";
import {
  type CallState,
  type ChoiceState,
  type ReplyState,
  closeProse,
  openBlock,
} from "./open-blocks.ts";

/** One delta, read. */
interface Piece {
  readonly id: string | null;
  readonly index: number | null;
  readonly name: string;
  readonly text: string;
  readonly custom: boolean;
  readonly signature: string | null;
}

function argumentText(value: unknown): string {
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  return textOf(value);
}

function readPiece(entry: JsonObject): Piece {
  const custom = jsonOf(entry["custom"]);
  const isCustom = entry["type"] === "custom" || "name" in custom || "input" in custom;
  const fields = isCustom ? custom : jsonOf(entry["function"]);
  const google = jsonOf(jsonOf(entry["extra_content"])["google"]);
  return {
    id: findText(entry["id"]),
    index: findCount(entry["index"]) ?? null,
    name: textOf(fields["name"]),
    text: argumentText(isCustom ? fields["input"] : fields["arguments"]),
    custom: isCustom,
    signature: findText(google["thought_signature"]),
  };
}

function isWhole(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether a piece that points at a known call begins another one: vendors that number all of them 0. */
function beginsAnother(call: CallState, piece: Piece): boolean {
  if (piece.name === "" || call.name === "") return false;
  const isOther = piece.id !== null && call.id !== null && piece.id !== call.id;
  if (isOther) return call.arguments === "" || isWhole(call.arguments);
  // The name once more: a repetition while the arguments are still coming, else a call without an id of its own.
  return piece.id === null && piece.text !== "" && isWhole(call.arguments);
}

/** The call that a piece belongs to; undefined: a new one. */
function findCall(calls: readonly CallState[], piece: Piece): CallState | undefined {
  const last = calls.at(-1);
  const found =
    piece.index === null
      ? piece.id === null
        ? piece.name === ""
          ? last
          : undefined
        : (calls.findLast(({ id }) => id === piece.id) ?? (piece.name === "" ? last : undefined))
      : calls.findLast(({ index }) => index === piece.index);
  return found === undefined || beginsAnother(found, piece) ? undefined : found;
}

/** Opens the call's block as soon as its name is known. */
function start(state: ReplyState, choice: ChoiceState, call: CallState): void {
  if (call.block !== -1 || call.name === "") return;
  closeProse(state, choice);
  const position = choice.calls.indexOf(call);
  const isTaken = choice.calls.some((other) => other !== call && other.id === call.id);
  const minted = mintToolCallId(`${state.context.callId}/${choice.index}`, position);
  const id = call.id === null || isTaken ? minted : call.id;
  const custom = call.custom ? { custom: true } : {};
  call.block = openBlock(state, choice, { kind: "tool-call", id, name: call.name, ...custom });
  if (call.arguments !== "") state.emit({ type: "delta", block: call.block, text: call.arguments });
}

function close(state: ReplyState, call: CallState): void {
  if (call.closed || call.block === -1) return;
  call.closed = true;
  if (call.carried !== null)
    state.emit({ type: "carried", block: call.block, carried: call.carried });
  if (call.arguments.trim() === "" && !call.custom)
    state.emit({ type: "delta", block: call.block, text: "{}" });
  state.emit({ type: "block-end", block: call.block });
}

/** Makes a call; those before it whose arguments are whole are over. */
function addCall(state: ReplyState, choice: ChoiceState, piece: Piece): CallState {
  for (const call of choice.calls)
    if (!call.closed && (call.custom ? call.arguments !== "" : isWhole(call.arguments)))
      close(state, call);
  const { id, index, custom } = piece;
  const { signature } = choice;
  choice.signature = null;
  const carried = signature === null ? null : { issuer: state.issuer, data: signature };
  const call: CallState = {
    id,
    index,
    custom,
    name: "",
    arguments: "",
    block: -1,
    closed: false,
    carried,
  };
  choice.calls.push(call);
  return call;
}

/** Reads one entry of `tool_calls`. */
export function readToolDelta(state: ReplyState, choice: ChoiceState, entry: JsonObject): void {
  const piece = readPiece(entry);
  const known = state.whole ? undefined : findCall(choice.calls, piece);
  const saysNothing = piece.name === "" && piece.text === "" && piece.id === null;
  if (known === undefined && saysNothing) return;
  const call = known ?? addCall(state, choice, piece);
  call.id ??= piece.id;
  if (piece.signature !== null) call.carried = { issuer: state.issuer, data: piece.signature };
  if (call.name === "") call.name = piece.name;
  start(state, choice, call);
  if (piece.text === "" || call.closed) return;
  const isTold = call.block !== -1;
  call.arguments += piece.text;
  if (isTold) state.emit({ type: "delta", block: call.block, text: piece.text });
}

/** Takes a signature that is told for the whole message: it is its first call's, else its text's. */
export function signMessage(state: ReplyState, choice: ChoiceState, signature: string): void {
  const [first] = choice.calls;
  if (first === undefined) choice.signature = signature;
  else if (!first.closed) first.carried ??= { issuer: state.issuer, data: signature };
}

/** Closes all calls of a choice; calls that never got a name are none. */
export function closeCalls(state: ReplyState, choice: ChoiceState): void {
  for (const call of choice.calls) close(state, call);
}

/** Whether the model asked for a tool. */
export function hasCalls(choice: ChoiceState): boolean {
  return choice.calls.some(({ block }) => block !== -1);
}
