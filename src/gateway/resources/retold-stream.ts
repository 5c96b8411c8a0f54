/**
 * A response in the background that is read again as a stream. Promises kept here: its end is told once it is charged;
 * a stream that lacks its end is told as broken, and its response not as failed.
 */
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import { isObject } from "../../core/json-value.ts";
import { eventData } from "../../core/sse.ts";
import type { EventReading } from "../../dialects/contract.ts";
import type { Taking } from "../accounts/ask-vendor.ts";
import { parseDocument } from "../accounts/parse-document.ts";
import type { IdSealer } from "../ids/seal-ids.ts";
import { ReplySealer } from "../replies/reply-sealer.ts";
import type { Serving } from "./resource-call.ts";

/** Charges a response that is over. `told`: as the event that ends its stream tells it; undefined: that tells none. */
export type BookEnd = (told: JsonObject | undefined) => Promise<void>;

/** Takes the vendor's events. Its `end` throws `upstream_truncated` where the stream's own end was not among them. */
export function retellStream(
  { reply, dialect, request }: Serving,
  ids: IdSealer,
  bookEnd: BookEnd,
): Taking {
  const sealer = new ReplySealer(ids);
  const read = dialect.makeEventReader();
  let events = 0;
  /** What is told from the end on, one behind the other. */
  let ending: Promise<void> | undefined;
  return {
    begin: (headers) => reply.begin(headers),
    beginBytes: (headers) => reply.beginBytes(headers),
    fail: (error) => reply.breakOff(error),
    write: (event) => {
      const reading = read(event);
      const told = sealer.event(event, reading, []);
      const isEnd = endsStream(event, reading);
      events += 1;
      if (!isEnd && ending === undefined) return reply.write(told);
      const booked = isEnd ? bookEnd(responseIn(event)) : undefined;
      ending = Promise.all([ending, booked]).then(() => reply.write(told));
      return ending;
    },
    end: () => {
      // Whoever asks for what stands behind the last event is told nothing, and that whole.
      const asksBehind = events === 0 && request.query["starting_after"] !== undefined;
      if (ending !== undefined || asksBehind) return reply.end();
      throw new GatewayError("upstream_truncated", "the stream ended without its terminator");
    },
  };
}

/** Event names that end a stream besides those that end an answer. */
const otherEnds: readonly unknown[] = ["response.cancelled", "response.canceled"];

function endsStream(event: Buffer, { kind, mayHoldIds }: EventReading): boolean {
  if (kind === "done" || kind === "error") return true;
  return mayHoldIds !== false && otherEnds.includes(payloadIn(event)?.["type"]);
}

function payloadIn(event: Buffer): JsonObject | undefined {
  const payload = eventData(event);
  return payload && parseDocument(payload);
}

function responseIn(event: Buffer): JsonObject | undefined {
  const response = payloadIn(event)?.["response"];
  return isObject(response) ? response : undefined;
}
