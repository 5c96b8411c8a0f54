/** What vendors with quirks refuse in chat bodies: where a translated body still holds it, a quirk was not heeded. */
import type { QuirkId } from "../../src/dialects/quirk-ids.ts";
import { asList, asObject } from "../fakes/scripted/turn.ts";

type Fields = Readonly<Record<string, unknown>>;

const messagesOf = (body: Fields): Fields[] => asList(body["messages"]).map(asObject);
const callsOf = (body: Fields): Fields[] =>
  messagesOf(body).flatMap((message) => asList(message["tool_calls"]).map(asObject));
const has =
  (...names: readonly string[]) =>
  (body: Fields): boolean =>
    names.some((name) => name in body);

const isNine = (id: unknown): boolean => /^[A-Za-z0-9]{9}$/.test(String(id));

/** Whether a body holds what the quirk's vendor refuses. */
const refused: Readonly<Partial<Record<QuirkId, (body: Fields) => boolean>>> = {
  "max-tokens": has("max_completion_tokens"),
  "no-developer-role": (body) => messagesOf(body).some(({ role }) => role === "developer"),
  "nine-character-ids": (body) =>
    callsOf(body).some(({ id }) => !isNine(id)) ||
    messagesOf(body).some((one) => one["role"] === "tool" && !isNine(one["tool_call_id"])),
  "string-content": (body) =>
    messagesOf(body).some(
      ({ content }) =>
        Array.isArray(content) && content.every((part) => asObject(part)["type"] === "text"),
    ),
  "no-strict": (body) => JSON.stringify(body["tools"] ?? []).includes('"strict"'),
  "no-parallel-member": has("parallel_tool_calls"),
  "random-seed": has("seed"),
  "tool-choice-any": (body) => body["tool_choice"] === "required",
  "replay-reasoning": (body) =>
    messagesOf(body).some(
      (one) => asList(one["tool_calls"]).length > 0 && typeof one["reasoning_content"] !== "string",
    ),
  "no-reasoning-wish": has("reasoning_effort", "reasoning", "thinking", "enable_thinking"),
  "fixed-sampling": has("temperature", "top_p", "n", "presence_penalty", "frequency_penalty"),
  "known-members-only": has(
    "user",
    "metadata",
    "store",
    "service_tier",
    "prompt_cache_key",
    "verbosity",
  ),
};

/** Quirks that a body does not heed. */
export function quirkFaults(quirks: readonly QuirkId[], body: Fields): QuirkId[] {
  return quirks.filter((quirk) => refused[quirk]?.(body) === true);
}
