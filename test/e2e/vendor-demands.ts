/**
 * What vendors' documentation demands of the history of a conversation. A fault would be a refusal there, or a thought,
 * a signature or a cached beginning lost. Written from the documentation alone; it shares no code with the gateway.
 */
import { isDeepStrictEqual } from "node:util";
import type { Heard, Said } from "../fakes/scripted/turn.ts";
import { asList, asObject } from "../fakes/scripted/turn.ts";
import type { Role } from "./loop-vendors.ts";
import { chatFaults } from "./demands-chat.ts";
import { cohereFaults, ollamaFaults } from "./demands-others.ts";
import { converseFaults } from "./demands-converse.ts";
import { geminiFaults } from "./demands-gemini.ts";
import { messagesFaults } from "./demands-messages.ts";
import { responsesFaults } from "./demands-responses.ts";

/** An answer that the vendor gave, and the model that gave it. */
export interface Issued {
  readonly said: Said;
  readonly model: string;
}

export interface DemandCase {
  readonly role: Role;
  readonly heard: Heard;
  readonly issued: readonly Issued[];
  /** Whether the caller brings back all that it was given. */
  readonly complete: boolean;
  /** Whether it brings back ids of calls; some clients of Google's API know none. */
  readonly ids: boolean;
  /** Google's own client brings a stream back as one content for each chunk, and Google takes that. */
  readonly chunked: boolean;
  /** Whether signatures of texts come back, which Google only recommends: Anthropic's messages have no slot for them. */
  readonly texts: boolean;
}

export type Fields = Readonly<Record<string, unknown>>;

export const objects = (value: unknown): Fields[] => asList(value).map(asObject);

/** Whether a turn, as JSON, is that of an answer: its mark stands in every word of it. */
export function findIssued({ issued }: DemandCase, turn: unknown): Issued | undefined {
  const text = JSON.stringify(turn);
  return issued.find(({ said }) => said.mark !== undefined && text.includes(said.mark));
}

/** Tells two values apart, in few words. */
export function unlike(what: string, got: unknown, wanted: unknown): string[] {
  if (isDeepStrictEqual(got, wanted)) return [];
  return [`${what}: got ${JSON.stringify(got)}, wanted ${JSON.stringify(wanted)}`];
}

/** Marks of caching are no part of what was said. */
export function unmarked(block: Fields): Fields {
  const { cache_control: _mark, ...rest } = block;
  return rest;
}

export function repeated(ids: readonly string[]): string[] {
  return ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `id ${id} twice`);
}

export function demandsOf(facts: DemandCase): string[] {
  switch (facts.heard.api) {
    case "messages":
      return messagesFaults(facts);
    case "gemini":
      return geminiFaults(facts);
    case "responses":
      return responsesFaults(facts);
    case "chat":
      return chatFaults(facts);
    case "converse":
      return converseFaults(facts);
    case "cohere":
      return cohereFaults(facts);
    case "ollama":
      return ollamaFaults(facts);
    default:
      throw new Error(`no demands are known of ${facts.heard.api}`);
  }
}
