/** The last event of a stream. Promise kept here: half an event is never taken for a whole one. */
import { eventData } from "../../core/sse.ts";

/** What ends a stream without telling anything. */
export const bareEnd = "[DONE]";

export function payloadOf(event: Buffer): string {
  return eventData(event)?.toString().trim() ?? "";
}

/** The last event of a vendor that forgets its blank line; undefined for one that broke off in the middle. */
export function completeEvent(rest: Buffer): Buffer | undefined {
  const payload = payloadOf(rest);
  try {
    if (payload !== bareEnd) JSON.parse(payload);
  } catch {
    return undefined;
  }
  return Buffer.concat([rest, Buffer.from(rest.at(-1) === 0x0a ? "\n" : "\n\n")]);
}
