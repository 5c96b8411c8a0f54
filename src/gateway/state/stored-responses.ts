/**
 * Responses that the gateway keeps itself, where the upstream keeps none: compressed, sealed, found only by their owner.
 * Promises kept here: a conversation is whole or refused; what cannot be kept is told and never half kept.
 */
import { promisify } from "node:util";
import { deflateRaw, inflateRaw } from "node:zlib";
import { GatewayError, messageOf } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { Logger } from "../../core/logger.ts";
import { openBytes, sealBytes, type SealKey } from "../../core/seal.ts";
import type { Sql } from "../../store/database.ts";
import {
  deleteResponseState,
  findResponseChain,
  findResponseState,
  type ResponseStateRow,
  insertResponseState,
  maxResponseLinks,
} from "../../store/response-states.ts";

const compress = promisify(deflateRaw);
const expand = promisify(inflateRaw);

/** Largest stored response, sealed. */
const maxStoredBytes = 4 * 1024 * 1024;
/** Largest content that is expanded, of one response or a conversation: compression must not make a bomb of rows. */
const maxExpandedBytes = 64 * 1024 * 1024;
const keepMs = 30 * 86_400_000;

/** What one response added to its conversation. */
export interface StoredResponse {
  /** Items of the request, without those of the responses before it. */
  readonly input: readonly JsonObject[];
  /** The whole response as its caller saw it; its `output` goes on the conversation. */
  readonly response: JsonObject;
}

/** The conversation that a new response continues. */
export interface Conversed {
  /** All items, oldest first: inputs and outputs of every response. */
  readonly items: readonly JsonObject[];
  /** Place of the last response in its conversation. */
  readonly links: number;
}

export interface SaveParts {
  readonly id: string;
  readonly ownerId: number;
  /** The response that it continues; null: none. */
  readonly parent: { readonly id: string; readonly links: number } | null;
  readonly stored: StoredResponse;
}

export interface StoredResponses {
  /** Throws `previous_response_not_found`, or `temporarily_unavailable` when the database cannot be asked. */
  conversation(id: string, ownerId: number): Promise<Conversed>;
  find(id: string, ownerId: number): Promise<StoredResponse | undefined>;
  /** Null: kept. Otherwise why it was not, for the warning header; never rejects. */
  save(parts: SaveParts): Promise<string | null>;
  /** False: there was none. */
  remove(id: string, ownerId: number): Promise<boolean>;
}

export interface StoredResponsesParts {
  /** Undefined while the database has never been reached. */
  readonly database: () => { readonly writes: Sql; readonly reads: Sql } | undefined;
  readonly dataKey: () => SealKey | undefined;
  readonly logger: Logger;
}

function contextOf(id: string): string {
  return `response state ${id}`;
}

async function seal(key: SealKey, id: string, stored: StoredResponse): Promise<string> {
  const plain = await compress(Buffer.from(JSON.stringify(stored)));
  return sealBytes(key, contextOf(id), plain).toString("base64");
}

/** Answers how many bytes it was, too. */
async function open(
  key: SealKey,
  { id, content }: Pick<ResponseStateRow, "id" | "content">,
): Promise<{ readonly stored: StoredResponse; readonly bytes: number }> {
  const plain = openBytes(key, contextOf(id), Buffer.from(content, "base64"));
  const text = await expand(plain, { maxOutputLength: maxExpandedBytes });
  return { stored: JSON.parse(text.toString()) as StoredResponse, bytes: text.length };
}

/** One after another, so that what is expanded stays bounded in all. */
async function openAll(
  key: SealKey,
  rows: readonly ResponseStateRow[],
): Promise<readonly StoredResponse[]> {
  const all: StoredResponse[] = [];
  let total = 0;
  for (const row of rows) {
    const { stored, bytes } = await open(key, row);
    total += bytes;
    if (total > maxExpandedBytes) {
      const message = "The conversation has grown too long to be continued; begin a new one";
      const fields = [{ field: "previous_response_id", message }];
      throw new GatewayError("invalid_request", message, { fields, values: { detail: message } });
    }
    all.push(stored);
  }
  return all;
}

function outputOf({ response }: StoredResponse): readonly JsonObject[] {
  return Array.isArray(response["output"]) ? (response["output"] as readonly JsonObject[]) : [];
}

function unavailable(cause: unknown): GatewayError {
  return new GatewayError("temporarily_unavailable", "stored responses cannot be read now", {
    cause,
    retryAfterS: 5,
  });
}

export function makeStoredResponses(parts: StoredResponsesParts): StoredResponses {
  const ready = (): { writes: Sql; reads: Sql; key: SealKey } => {
    const database = parts.database();
    const key = parts.dataKey();
    if (database === undefined || key === undefined) throw unavailable(undefined);
    return { ...database, key };
  };
  const asking = async <T>(ask: () => Promise<T>): Promise<T> => {
    try {
      return await ask();
    } catch (thrown) {
      throw thrown instanceof GatewayError ? thrown : unavailable(thrown);
    }
  };
  return {
    conversation: (id, ownerId) =>
      asking(async () => {
        const { reads, key } = ready();
        const rows = await findResponseChain(reads, id, BigInt(ownerId));
        if (rows === undefined)
          throw new GatewayError(
            "previous_response_not_found",
            `Previous response with id '${id}' not found.`,
            {
              values: { id },
              fields: [{ field: "previous_response_id", message: "no such response is kept" }],
            },
          );
        const stored = await openAll(key, rows);
        const items = stored.flatMap((one) => [...one.input, ...outputOf(one)]);
        return { items, links: rows.at(-1)?.links ?? rows.length };
      }),
    find: (id, ownerId) =>
      asking(async () => {
        const { reads, key } = ready();
        const row = await findResponseState(reads, id, BigInt(ownerId));
        return row === undefined ? undefined : (await open(key, row)).stored;
      }),
    remove: (id, ownerId) => asking(() => deleteResponseState(ready().writes, id, BigInt(ownerId))),
    save: async ({ id, ownerId, parent, stored }) => {
      const links = (parent?.links ?? 0) + 1;
      if (links > maxResponseLinks)
        return `the conversation is longer than ${maxResponseLinks} responses`;
      try {
        const { writes, key } = ready();
        const content = await seal(key, id, stored);
        if (content.length > maxStoredBytes)
          return `the response is larger than ${maxStoredBytes} bytes`;
        const row = { id, ownerId: BigInt(ownerId), parentId: parent?.id ?? null, links };
        await insertResponseState(writes, { ...row, content, keepMs });
        return null;
      } catch (thrown) {
        parts.logger.warn({ responseId: id, reason: messageOf(thrown) }, "response not stored");
        return "the database could not be written";
      }
    },
  };
}
