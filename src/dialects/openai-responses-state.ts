/**
 * What a keeper of Responses state needs of the dialect: the response to keep, before its end is told, and the items
 * that the next request stands on. Promise kept here: what is kept is what the caller was told.
 */
export { type ResponseStream, makeResponseStream } from "./openai-responses/encode-stream.ts";
export { inputItems, outputItems, terminalResponse } from "./openai-responses/kept-items.ts";
