/** Errors of chat completions: OpenAI's, as both of its dialects tell them. */
export { decodeError, renderError, renderErrorEvent } from "../openai-errors.ts";
