/**
 * A caller's contents as messages. Promise kept here: every function response finds its call, by id where both have
 * one, else by name and order; calls without an id get one that is the same each time the history is sent.
 */
import { lookUp } from "../../core/look-up.ts";
import type {
  AssistantPart,
  Message,
  TextPart,
  ToolCallPart,
  ToolResultPart,
  UserPart,
} from "../../wire/conversation.ts";
import {
  callSignature,
  decodeMedia,
  decodeModelPart,
  decodeTextPart,
  decodeUserPart,
} from "./decode-parts.ts";
import { readResult } from "./function-results.ts";
import {
  at,
  itemsOf,
  note,
  objectAt,
  refuse,
  type Spot,
  stringAt,
  type Uses,
} from "./request-spots.ts";

interface OpenCall {
  readonly id: string;
  readonly name: string;
  /** Whether the caller gave the id. */
  readonly told: boolean;
}

interface Reading {
  readonly uses: Uses;
  readonly messages: Message[];
  /** Calls of the last model turn that have no result yet. */
  open: OpenCall[];
  /** Calls and results without an id so far. */
  minted: number;
  /** What the model said since somebody else spoke; null: somebody else speaks. */
  said: AssistantPart[] | null;
}

const roles: Readonly<Record<string, "user" | "model">> = {
  user: "user",
  function: "user",
  tool: "user",
  model: "model",
};

function roleOf(content: Spot): "user" | "model" {
  const given = at(content, "role");
  if (given === undefined || given.value === "") return "user";
  const role = lookUp(roles, stringAt(given));
  if (role !== undefined) return role;
  throw refuse(given, "must be `user` or `model`; instructions go into `systemInstruction`");
}

function mint(reading: Reading): string {
  reading.minted += 1;
  return `gemini_call_${reading.minted}`;
}

function nameOf(spot: Spot): string {
  const name = at(spot, "name");
  if (name === undefined) throw refuse(spot, "needs `name`");
  if (stringAt(name) === "") throw refuse(name, "must name the function");
  return stringAt(name);
}

function idOf(spot: Spot): string | null {
  const id = at(spot, "id");
  return id === undefined || stringAt(id) === "" ? null : stringAt(id);
}

function decodeCall(part: Spot, call: Spot, reading: Reading): ToolCallPart {
  const args = at(call, "args");
  const told = idOf(call);
  const open = { id: told ?? mint(reading), name: nameOf(call), told: told !== null };
  reading.open.push(open);
  const signature = callSignature(part, reading.uses);
  return {
    kind: "tool-call",
    id: open.id,
    name: open.name,
    arguments: JSON.stringify(args === undefined ? {} : objectAt(args)),
    ...(signature === undefined ? {} : { carried: signature.carried }),
  };
}

/** The call that a result answers; it is closed by that. Undefined: nobody asked. */
function takeCall(reading: Reading, name: string, id: string | null): OpenCall | undefined {
  const { open } = reading;
  const byId = id === null ? -1 : open.findIndex((call) => call.told && call.id === id);
  const free = (call: OpenCall): boolean => id === null || !call.told;
  const byName = open.findIndex((call) => free(call) && call.name === name);
  const found = byId !== -1 ? byId : byName !== -1 ? byName : open.findIndex(free);
  return found === -1 ? undefined : open.splice(found, 1)[0];
}

function decodeResult(response: Spot, reading: Reading): ToolResultPart {
  const { uses } = reading;
  const name = nameOf(response);
  const call = takeCall(reading, name, idOf(response));
  const body = at(response, "response");
  const { text, isError } = readResult(body === undefined ? {} : objectAt(body));
  const parts = at(response, "parts");
  const media = (parts === undefined ? [] : itemsOf(parts)).flatMap((part) => {
    note(uses, "tool-result-media", part);
    const decoded = decodeMedia(part, uses);
    if (decoded === undefined) throw refuse(part, "must hold `inlineData` or `fileData`");
    return [decoded];
  });
  if (isError && body !== undefined) note(uses, "tool-result-error", body);
  return {
    kind: "tool-result",
    callId: call?.id ?? idOf(response) ?? mint(reading),
    name,
    content: [{ kind: "text", text }, ...media],
    isError,
  };
}

function partsOf(content: Spot): Spot[] {
  const parts = at(content, "parts");
  if (parts === undefined) throw refuse(content, "needs `parts`");
  return itemsOf(parts);
}

/** What a piece of a stream adds to the part before it; undefined: it is a part of its own. */
function joined(before: AssistantPart | undefined, part: AssistantPart): AssistantPart | undefined {
  if (before?.kind === "text" && part.kind === "text" && before.carried === undefined)
    return { ...part, text: before.text + part.text };
  if (before?.kind !== "reasoning" || part.kind !== "reasoning") return undefined;
  if (before.carried !== undefined || part.redacted === true) return undefined;
  return { ...part, text: before.text + part.text };
}

/** Adds a part. Pieces of one text or thought are one: the signature stands on the last of them alone. */
function addSaid(said: AssistantPart[], part: AssistantPart, bare: boolean): void {
  // A signature in a part that is no thought belongs to what comes next.
  const whole = bare ? undefined : joined(said.at(-1), part);
  if (whole === undefined) said.push(part);
  else said[said.length - 1] = whole;
}

function isBareSignature(part: Spot): boolean {
  const thought = at(part, "thought");
  const text = at(part, "text");
  const thinks = thought !== undefined && thought.value === true;
  return !thinks && (text === undefined || text.value === "");
}

/** Google's own clients bring a stream back as one content for each chunk: all of them are one turn. */
function readModel(content: Spot, reading: Reading): void {
  if (reading.said === null) {
    reading.open = [];
    reading.said = [];
  }
  const { said } = reading;
  const isNew = said.length === 0;
  for (const part of partsOf(content)) {
    const call = at(part, "functionCall");
    if (call !== undefined) {
      said.push(decodeCall(part, call, reading));
      continue;
    }
    if (at(part, "functionResponse") !== undefined)
      throw refuse(part, "holds a `functionResponse`, which belongs in a content of role `user`");
    const decoded = decodeModelPart(part, reading.uses);
    if (decoded !== undefined) addSaid(said, decoded, isBareSignature(part));
  }
  if (isNew && said.length > 0) reading.messages.push({ role: "assistant", parts: said });
}

function readUser(content: Spot, reading: Reading): void {
  reading.said = null;
  const results: ToolResultPart[] = [];
  const said: UserPart[] = [];
  for (const part of partsOf(content)) {
    const response = at(part, "functionResponse");
    if (response !== undefined) {
      results.push(decodeResult(response, reading));
      continue;
    }
    const decoded = decodeUserPart(part, reading.uses);
    if (decoded !== undefined) said.push(decoded);
  }
  if (results.length > 0) reading.messages.push({ role: "tool", parts: results });
  if (said.length > 0) reading.messages.push({ role: "user", parts: said });
}

/** Messages of `contents`; a single content stands for a list of one. */
export function decodeContents(contents: Spot, uses: Uses): readonly Message[] {
  const reading: Reading = { uses, messages: [], open: [], minted: 0, said: null };
  const given = itemsOf(contents);
  if (given.length === 0) throw refuse(contents, "must hold at least one content");
  for (const content of given) {
    if (roleOf(content) === "model") readModel(content, reading);
    else readUser(content, reading);
  }
  return reading.messages;
}

/** Text of `systemInstruction`: a content, or (as some clients send it) a bare string. */
export function decodeSystem(instruction: Spot): readonly TextPart[] {
  if (typeof instruction.value === "string")
    return instruction.value === "" ? [] : [{ kind: "text", text: instruction.value }];
  return partsOf(instruction)
    .map(decodeTextPart)
    .filter(({ text }) => text !== "");
}
