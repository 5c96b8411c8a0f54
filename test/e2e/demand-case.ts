/** What the demands of all vendors are told of a request, and what they have in common. */
import { isDeepStrictEqual } from "node:util";
import type { Heard, Said } from "../fakes/scripted/turn.ts";
import { asList, asObject } from "../fakes/scripted/turn.ts";

/** A vendor to play: its provider and API, and the model that it is asked for. */
export interface Role {
  readonly key: string;
  readonly provider: string;
  readonly dialect: string;
  readonly model: string;
  /** Which side of an API's documentation: demands differ by vendor. */
  readonly ways?: readonly (
    | "replay-reasoning"
    | "nine-character-ids"
    | "details"
    | "no-user-after-tool"
    | "strings"
  )[];
  /** Takes no images in results of tools, which the gateway refuses by name; `true`: takes none at all. */
  readonly blind?: boolean;
  /** Does not reason, or keeps to itself that it did. */
  readonly silent?: true;
}

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
