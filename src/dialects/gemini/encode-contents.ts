/**
 * A conversation's messages as `contents`. Promises kept here: roles alternate and results follow their calls; a
 * signature goes back only to who can read it, and models that insist on one get Google's own stand-in.
 */
import type { JsonObject } from "../../core/json-value.ts";
import type { AssistantPart, Carried, Conversation, UserPart } from "../../wire/conversation.ts";
import type { ToolResultPart } from "../../wire/conversation.ts";
import { canRead } from "../carried.ts";
import { systemAsUser } from "../system-turns.ts";
import { arrangeTurns } from "../turns.ts";
import { encodeCall, encodeMedia, encodeResult } from "./encode-parts.ts";
import { type ModelTraits, traitsOf } from "./model-traits.ts";
import { dialectId, sentinel } from "./signature.ts";

/** Said by the user where a history begins with the model, which Google does not take. */
const opening = { role: "user", parts: [{ text: "…" }] };

interface TurnState {
  readonly model: string;
  readonly traits: ModelTraits;
  readonly parts: JsonObject[];
  /** A signature that came by itself and belongs to the next part. */
  waiting: string | undefined;
  called: boolean;
}

function readable(carried: Carried | undefined, model: string): string | undefined {
  return carried !== undefined && canRead(carried, dialectId, model) ? carried.data : undefined;
}

function push(state: TurnState, part: JsonObject, own: string | undefined): void {
  const signature = own ?? state.waiting;
  state.waiting = undefined;
  state.parts.push(signature === undefined ? part : { ...part, thoughtSignature: signature });
}

/** The first call of a step must be signed for the models that check; what others made has no signature here. */
function pushCall(state: TurnState, part: Extract<AssistantPart, { kind: "tool-call" }>): void {
  const own = readable(part.carried, state.model) ?? state.waiting;
  const lacks = own === undefined && !state.called && state.traits.checksSignatures;
  push(state, encodeCall(part), lacks ? sentinel : own);
  state.called = true;
}

function pushReasoning(
  state: TurnState,
  { text, carried }: Extract<AssistantPart, { kind: "reasoning" }>,
  next: AssistantPart | undefined,
): void {
  const signature = readable(carried, state.model);
  // Thoughts of others, and unsigned ones, are of no use to the model.
  if (signature === undefined) return;
  const unsigned = next?.kind === "tool-call" && readable(next.carried, state.model) === undefined;
  if (text !== "") push(state, { text, thought: true }, unsigned ? undefined : signature);
  if (text === "" || unsigned) state.waiting = signature;
}

function pushPart(state: TurnState, part: AssistantPart, next: AssistantPart | undefined): void {
  if (part.kind === "tool-call") return pushCall(state, part);
  if (part.kind === "reasoning") return pushReasoning(state, part, next);
  if (part.kind === "media")
    return push(state, encodeMedia(part), readable(part.carried, state.model));
  if (part.kind === "foreign") {
    if (part.dialect === dialectId) state.parts.push(part.value);
    return;
  }
  if (part.text === "") return;
  const own = part.kind === "text" ? readable(part.carried, state.model) : undefined;
  push(state, { text: part.text }, own);
}

function modelParts(parts: readonly AssistantPart[], model: string): JsonObject[] {
  const traits = traitsOf(model);
  const state: TurnState = { model, traits, parts: [], waiting: undefined, called: false };
  for (const [index, part] of parts.entries()) pushPart(state, part, parts[index + 1]);
  if (state.waiting !== undefined) push(state, { text: "" }, undefined);
  return state.parts;
}

function userParts(parts: readonly (ToolResultPart | UserPart)[], model: string): JsonObject[] {
  const { resultMedia } = traitsOf(model);
  const encoded = parts.map((part): JsonObject[] => {
    if (part.kind === "tool-result") return encodeResult(part, resultMedia);
    if (part.kind === "media") return [encodeMedia(part)];
    if (part.kind === "foreign") return part.dialect === dialectId ? [part.value] : [];
    return part.text === "" ? [] : [{ text: part.text }];
  });
  // Responses come before all else, their media behind them.
  const isResponse = (part: JsonObject): boolean => part["functionResponse"] !== undefined;
  const flat = encoded.flat();
  return [...flat.filter(isResponse), ...flat.filter((part) => !isResponse(part))];
}

export interface EncodedTurns {
  readonly systemInstruction?: JsonObject;
  readonly contents: readonly JsonObject[];
}

/** `contents` and `systemInstruction` of a conversation. */
export function encodeTurns(conversation: Conversation, model: string): EncodedTurns {
  const system = conversation.system.flatMap(({ text }) => (text === "" ? [] : [{ text }]));
  const contents = arrangeTurns(systemAsUser(conversation.messages)).flatMap(
    (turn): JsonObject[] => {
      const assistant = turn.role === "assistant";
      const parts = assistant ? modelParts(turn.parts, model) : userParts(turn.parts, model);
      return parts.length === 0 ? [] : [{ role: assistant ? "model" : "user", parts }];
    },
  );
  // Google takes no request without contents: instructions alone are the question.
  if (contents.length === 0)
    return { contents: system.length === 0 ? [opening] : [{ role: "user", parts: system }] };
  const begun = contents[0]?.["role"] === "model" ? [opening, ...contents] : contents;
  return {
    ...(system.length === 0 ? {} : { systemInstruction: { parts: system } }),
    contents: begun,
  };
}
