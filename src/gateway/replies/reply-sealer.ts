/**
 * Seals the ids in replies and streams that pass through.
 * Promise kept here: where nothing can outlive the call, or nobody keeps it, not a byte is looked at twice.
 */
import { type ByteEdit, readBoolean, splice } from "../../core/json.ts";
import { eventData, eventName, renderEvent } from "../../core/sse.ts";
import type { EventReading } from "../../dialects/contract.ts";
import { type IdRules, idRulesOf, responseRules } from "../../dialects/resource-ids.ts";
import type { Attempt } from "../exchange/ending.ts";
import { keeperThere, upstreamKeeps } from "../responses/keep-there.ts";
import { IdSealer } from "../ids/seal-ids.ts";

/** Words without which a request to Anthropic's API makes nothing that lasts. */
const lastingWords = ["code_execution", '"container"'];

/** Where ids stand in the reply to an attempt; undefined: nowhere. */
function rulesOf(attempt: Attempt): IdRules | undefined {
  const { request, facts, dialect } = attempt.call;
  if (request.operation !== "chat") return undefined;
  if (dialect.id === "openai-responses") {
    const store = facts.scan.members["store"];
    const wished = store === undefined || readBoolean(request.body, store) !== false;
    return responseRules(wished && (upstreamKeeps(attempt) || keeperThere(attempt) !== null));
  }
  const lasts =
    dialect.id === "anthropic-messages" && lastingWords.some((word) => request.body.includes(word));
  return lasts ? idRulesOf(dialect.id, request.operation) : undefined;
}

/** Null: the reply is handed on as it is. */
export function makeReplySealer(attempt: Attempt): ReplySealer | null {
  const { call, candidate, translation } = attempt;
  const { state } = call;
  const rules = state === undefined || translation !== null ? undefined : rulesOf(attempt);
  if (rules === undefined || state === undefined) return null;
  const { channel, credential } = candidate;
  const pin = { channelId: channel.id, credentialId: credential?.id ?? 0 };
  const { ownerId } = state;
  const { dialect, id } = call.request;
  const own = keeperThere(attempt) === null ? {} : { ownResponse: `resp_${id}` };
  return new ReplySealer(new IdSealer({ key: state.key(), ownerId, pin, dialect, rules, ...own }));
}

const noItem = { told: Buffer.alloc(0), sealed: Buffer.alloc(0) };

export class ReplySealer {
  readonly #sealer: IdSealer;
  /** The item named last, with its quotes, and as it is told. */
  #item: { readonly told: Buffer; readonly sealed: Buffer } = noItem;

  constructor(sealer: IdSealer) {
    this.#sealer = sealer;
  }

  /** Splices for a whole reply. */
  whole(body: Buffer): ByteEdit[] {
    return this.#sealer.edits(body);
  }

  /** An event with its ids sealed, and with other splices of it made. */
  event(event: Buffer, reading: EventReading, others: readonly ByteEdit[]): Buffer {
    if (reading.mayHoldIds ?? true) return this.#wholeEvent(event, others);
    const { itemStart: start = -1, itemEnd: end = -1 } = reading;
    if (start === -1 || !this.#sealer.sealsItems) return splice(event, others);
    const bytes = this.#sealedItem(event, start, end);
    if (others.length > 0) return splice(event, [...others, { start, end, bytes }]);
    const sealed = Buffer.allocUnsafe(event.length - (end - start) + bytes.length);
    event.copy(sealed, 0, 0, start);
    bytes.copy(sealed, start);
    event.copy(sealed, start + bytes.length, end);
    return sealed;
  }

  /** Deltas name the same item many times over. */
  #sealedItem(event: Buffer, start: number, end: number): Buffer {
    const { told, sealed } = this.#item;
    if (told.length === end - start && event.compare(told, 0, told.length, start, end) === 0)
      return sealed;
    const id = event.toString("latin1", start + 1, end - 1);
    const bytes = Buffer.from(`"${this.#sealer.seal("item", id)}"`);
    this.#item = { told: Buffer.from(event.subarray(start, end)), sealed: bytes };
    return bytes;
  }

  #wholeEvent(event: Buffer, others: readonly ByteEdit[]): Buffer {
    const payload = eventData(event);
    if (payload === undefined) return splice(event, others);
    const shift = payload.byteOffset - event.byteOffset;
    const within =
      payload.buffer === event.buffer && shift >= 0 && shift + payload.length <= event.length;
    const edits = this.#sealer.edits(payload);
    if (!within) return renderEvent(splice(payload, edits).toString(), eventName(event));
    const shifted = edits.map((edit) => ({
      ...edit,
      start: edit.start + shift,
      end: edit.end + shift,
    }));
    return splice(event, [...others, ...shifted]);
  }
}
