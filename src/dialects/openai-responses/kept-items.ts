/** The items of requests and responses, for those who keep them and put them in front of a later request. */
import { isObject, type JsonObject } from "../../core/json-value.ts";
import { eventData } from "../../core/sse.ts";

/** The items of a request's input; a text becomes the message that it stands for. */
export function inputItems(request: JsonObject): readonly JsonObject[] {
  const { input } = request;
  if (typeof input === "string") return [{ type: "message", role: "user", content: input }];
  return Array.isArray(input) ? input.filter(isObject) : [];
}

/** The items of a response object's output, fit to be input items of a later request. */
export function outputItems(response: JsonObject): readonly JsonObject[] {
  const { output } = response;
  return Array.isArray(output) ? output.filter(isObject) : [];
}

/** The response object of the event that ends a stream well, of any vendor; undefined for other events. */
export function terminalResponse(event: Buffer): JsonObject | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(eventData(event)?.toString() ?? "null");
  } catch {
    return undefined;
  }
  if (!isObject(parsed) || !isObject(parsed["response"])) return undefined;
  const ends = parsed["type"] === "response.completed" || parsed["type"] === "response.incomplete";
  return ends ? parsed["response"] : undefined;
}
