/**
 * The other form of a stream: one JSON array, told element by element (Gemini's callers that do not ask for events).
 * Promise kept here: payloads go on as their own bytes, and an array that was begun is always closed.
 */
import { SseFramer, eventData } from "../../core/sse.ts";

const open = Buffer.from("[");
const between = Buffer.from(",\r\n");
const close = Buffer.from("]");

/** White space between elements, which changes nothing. */
export const arrayPing = Buffer.from("\r\n");

export class JsonArray {
  #begun = false;

  /** Elements made of the payloads of whole server-sent events. */
  elements(events: Buffer): Buffer {
    const pieces: Buffer[] = [];
    new SseFramer((event) => {
      const payload = eventData(event);
      if (payload === undefined || payload.length === 0) return;
      pieces.push(this.#begun ? between : open, payload);
      this.#begun = true;
    }).push(events);
    return Buffer.concat(pieces);
  }

  /** The array's last bytes. */
  end(): Buffer {
    return this.#begun ? close : Buffer.concat([open, close]);
  }
}
