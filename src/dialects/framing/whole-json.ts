/** Tells whether what a body ends with is whole, and refuses what is not. */
import { GatewayError } from "../../core/errors.ts";

/** Whether a text is the terminator `[DONE]` or one JSON object or array: a number or word cut short looks whole. */
export function isWhole(payload: string): boolean {
  if (payload.trim() === "[DONE]") return true;
  try {
    const parsed: unknown = JSON.parse(payload);
    return typeof parsed === "object" && parsed !== null;
  } catch {
    return false;
  }
}

/** What is thrown where a body ends within an event. */
export function brokenOff(bytes: number): GatewayError {
  return new GatewayError(
    "upstream_truncated",
    `The stream broke off within an event (${bytes} bytes of it had come)`,
  );
}
