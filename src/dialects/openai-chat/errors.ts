/** Errors of chat completions: OpenAI's, as both of its dialects tell them, and those that vendors hide in a success. */
import { findObject } from "../parse-object.ts";
import type { UpstreamError } from "../contract.ts";
import { decodeError as decodeOpenaiError } from "../openai-errors.ts";
import { findHiddenError } from "./reply-errors.ts";

export { renderError, renderErrorEvent } from "../openai-errors.ts";

/** The status that a hidden error stands for is told as its code. */
export function decodeError(text: string): UpstreamError {
  const body = findObject(Buffer.from(text));
  const hidden = body === undefined ? undefined : findHiddenError(body);
  if (hidden === undefined) return decodeOpenaiError(text);
  const { message, type, code, status } = hidden;
  return { message, type, code: status === null ? code : String(status), native: false };
}
