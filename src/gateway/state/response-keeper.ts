/**
 * Responses that the gateway keeps where the upstream keeps none: what a request continues, and the keeping of what it
 * leads to. Promises kept here: what is kept is what the caller was told; no caller waits for a database beyond a bound.
 */
import type { Clock } from "../../core/clock.ts";
import { callAdmittedAtMs } from "../../core/ids.ts";
import type { Json, JsonObject } from "../../core/json-value.ts";
import { inputItems } from "../../dialects/openai-responses-state.ts";
import { ownItemCall } from "../ids/open-items.ts";
import type { StoredResponses } from "./stored-responses.ts";

/** Longest time for keeping one response. */
const keepWithinMs = 5_000;
/** Most different responses whose items one request may name. */
const maxNamed = 200;

/** Tells, in a reply, what was not done of what the API does. */
export const warningHeader = "x-switchyard-warning";

/** Whether an id is that of a response which the gateway itself told. */
export function isOwnResponse(id: string): boolean {
  return id.startsWith("resp_") && callAdmittedAtMs(id.slice("resp_".length)) !== undefined;
}

/** What a request stands on. */
export interface Continued {
  /** Null: it continues none of ours. */
  readonly parent: { readonly id: string; readonly links: number } | null;
  /** Items of the responses before, oldest first. */
  readonly before: readonly JsonObject[];
  /** Items that the request merely names, by id. */
  readonly named: ReadonlyMap<string, JsonObject>;
}

export const nothingContinued: Continued = { parent: null, before: [], named: new Map() };

/** Throws `previous_response_not_found`, or `temporarily_unavailable` while the database cannot be asked. */
export async function findContinued(
  stored: StoredResponses,
  ownerId: number,
  asked: { readonly parentId: string | null; readonly items: readonly string[] },
): Promise<Continued> {
  const { parentId } = asked;
  const found = parentId === null ? null : await stored.conversation(parentId, ownerId);
  const parent = parentId === null || found === null ? null : { id: parentId, links: found.links };
  const calls = new Set(asked.items.map((id) => ownItemCall(id) ?? ""));
  const named = new Map<string, JsonObject>();
  for (const call of [...calls].slice(0, maxNamed)) {
    const response = await stored.find(`resp_${call}`, ownerId);
    const output = response?.response["output"];
    for (const item of Array.isArray(output) ? (output as readonly JsonObject[]) : [])
      if (typeof item["id"] === "string") named.set(item["id"], item);
  }
  return { parent, before: found?.items ?? [], named };
}

function ownInput(body: JsonObject, { named }: Continued): readonly JsonObject[] {
  return inputItems(body).map((item) => {
    const { id } = item;
    const known = typeof id === "string" ? named.get(id) : undefined;
    return known !== undefined && (item["type"] ?? "item_reference") === "item_reference"
      ? known
      : item;
  });
}

/** The request as one that stands on nothing: all items in its input. */
export function standingAlone(body: JsonObject, continued: Continued): JsonObject {
  const { previous_response_id: _previous, ...rest } = body;
  const input: readonly Json[] = [...continued.before, ...ownInput(body, continued)];
  return { ...rest, input };
}

export interface KeeperParts {
  readonly stored: StoredResponses;
  readonly clock: Clock;
  readonly ownerId: number;
  readonly continued: Continued;
}

/** Keeps what one request leads to. */
export class ResponseKeeper {
  readonly #parts: KeeperParts;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  /** `body`: the caller's. Null: kept. Otherwise why not; never rejects. */
  keep(response: JsonObject, body: JsonObject): Promise<string | null> {
    const { stored, clock, ownerId, continued } = this.#parts;
    const { promise, resolve } = Promise.withResolvers<string | null>();
    const cancel = clock.after(keepWithinMs, () => resolve("the database did not answer in time"));
    const input = ownInput(body, continued);
    const id = String(response["id"]);
    const saving = stored.save({
      id,
      ownerId,
      parent: continued.parent,
      stored: { input, response },
    });
    void saving.then(resolve).finally(cancel);
    return promise;
  }
}

/** The reason in words for people, in a header. */
export function notKept(reason: string): string {
  return `response not stored: ${reason}`;
}
