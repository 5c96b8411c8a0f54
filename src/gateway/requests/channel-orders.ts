/** What a channel orders of the bodies it sends, told as edits for bodies that pass through and done to translated ones. */
import type { JsonObject } from "../../core/json-value.ts";
import type { SystemPrompt } from "../../dialects/contract.ts";
import { findDialect } from "../../dialects/registry.ts";
import type { Endpoint } from "../../providers/contract.ts";
import type { Channel } from "../../sync/entities.ts";
import type { Conversation, TextPart } from "../../wire/conversation.ts";
import { matchesPattern } from "./model-patterns.ts";

/** Members that no parameters change, in dialects that no caller speaks. */
const plainReserved: readonly string[] = ["model", "stream"];

/** The channel's parameters, and those for a model as sent over them. */
export function parametersFor(channel: Channel, model: string): JsonObject {
  let parameters = channel.parameters;
  const { modelParameters } = channel.options;
  for (const pattern in modelParameters)
    if (matchesPattern(pattern, model)) parameters = { ...parameters, ...modelParameters[pattern] };
  return parameters;
}

/** A translated body with the channel's and the endpoint's orders in it. */
export function ordered(
  body: JsonObject,
  orders: {
    readonly endpoint: Endpoint;
    readonly parameters: JsonObject;
    readonly extraBody: JsonObject;
    readonly add: JsonObject;
  },
): JsonObject {
  const { endpoint } = orders;
  const reserved = findDialect(endpoint.dialect)?.reservedParameters ?? plainReserved;
  const free = ([name]: readonly [string, unknown]): boolean => !reserved.includes(name);
  const result: Record<string, JsonObject[string]> = { ...body };
  Object.assign(result, Object.fromEntries(Object.entries(orders.parameters).filter(free)));
  for (const [name, value] of Object.entries(orders.extraBody).filter(free))
    if (!Object.hasOwn(result, name)) result[name] = value;
  for (const name of endpoint.omit ?? []) delete result[name];
  return Object.assign(result, orders.add);
}

/** A conversation with the channel's instructions in it. */
export function instructed(conversation: Conversation, prompt: SystemPrompt | null): Conversation {
  if (prompt === null) return conversation;
  const part: TextPart = { kind: "text", text: prompt.text };
  const { system } = conversation;
  const given = system.length > 0 || conversation.messages.some(({ role }) => role === "system");
  switch (prompt.place) {
    case "before":
      return { ...conversation, system: [part, ...system] };
    case "after":
      return { ...conversation, system: [...system, part] };
    case "if-none":
      return given ? conversation : { ...conversation, system: [part] };
  }
}
