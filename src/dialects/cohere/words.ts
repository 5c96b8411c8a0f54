/** Words of Cohere's chat that whole and streamed replies share: why an answer ended, usage, citations, log probabilities. */
import { isObject, type JsonObject } from "../../core/json-value.ts";
import { lookUp } from "../../core/look-up.ts";
import type { Finish, FinishReason, TokenLogprob } from "../../wire/chat-reply.ts";
import type { Carried, Citation } from "../../wire/conversation.ts";
import type { Usage } from "../../wire/usage.ts";
import { issuerOf } from "../carried.ts";
import { fieldsOf, findCount, findText, listOf, textOf } from "../loose-fields.ts";
import { makeUsage } from "../make-usage.ts";
import { makeUsageReader } from "../usage-number.ts";

const reasons: Readonly<Record<string, FinishReason>> = {
  COMPLETE: "stop",
  STOP_SEQUENCE: "stop-sequence",
  MAX_TOKENS: "length",
  TOOL_CALL: "tool-calls",
  ERROR_TOXIC: "content-filter",
  ERROR_LIMIT: "context",
};

/** Why the answer ended. */
export function readFinish(reason: unknown): Finish {
  const raw = findText(reason);
  return { reason: lookUp(reasons, raw) ?? "other", stopSequence: null, raw };
}

/** Whether an answer ended because the vendor failed. */
export function isFailure(reason: unknown): boolean {
  return reason === "ERROR" || reason === "TIMEOUT";
}

/** What is billed: less than the model read, as Cohere's own instructions are free. Null where nothing was counted. */
export function readUsage(value: unknown): Usage | null {
  const fields = fieldsOf(value);
  const reader = makeUsageReader();
  const billed = fieldsOf(fields["billed_units"]);
  const tokens = fieldsOf(fields["tokens"]);
  const input = reader.count(billed, "input_tokens") ?? reader.count(tokens, "input_tokens");
  const inputImage = reader.count(billed, "image_tokens") ?? 0;
  return makeUsage(
    {
      input: (input ?? 0) + inputImage,
      output: reader.count(billed, "output_tokens") ?? reader.count(tokens, "output_tokens"),
      kinds: { inputImage, searchUnits: reader.count(billed, "search_units") },
      raw: value,
    },
    reader,
  );
}

/** Where thoughts came from, so that they go back to where this model looks for them. */
export type ThoughtPlace = "thinking" | "tool_plan";

/** Marks thoughts as this model's own. */
export function markThoughts(place: ThoughtPlace, model: string): Carried {
  return { issuer: issuerOf("cohere-v2", model), data: place };
}

/** Cohere counts characters, we count UTF-16 code units. */
function unitOffset(text: string, characters: unknown): number | null {
  const count = findCount(characters);
  if (count === undefined) return null;
  let offset = 0;
  for (let passed = 0; passed < count && offset < text.length; passed += 1)
    offset += (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1;
  return offset;
}

/** The citations of one statement of `text`, one for each source. */
export function readCitations(value: unknown, text: string): Citation[] {
  const fields = fieldsOf(value);
  // What cites within thoughts or a plan cites nothing of the answer.
  if (fields["type"] === "THINKING_CONTENT" || fields["type"] === "PLAN") return [];
  const start = unitOffset(text, fields["start"]);
  const end = unitOffset(text, fields["end"]);
  const sources = listOf(fields["sources"]);
  const raw = isObject(value) ? { raw: { dialect: "cohere-v2", value: value as JsonObject } } : {};
  return (sources.length === 0 ? [{}] : sources).map((source) => {
    const told = fieldsOf(source);
    const document = fieldsOf(told["document"] ?? told["tool_output"]);
    return {
      url: findText(document["url"]),
      title: findText(document["title"]) ?? findText(told["id"]),
      citedText: findText(document["snippet"]) ?? findText(document["text"]),
      start,
      end,
      ...raw,
    };
  });
}

/** Log probabilities of a piece of text. Cohere names tokens by number where a piece has several. */
export function readLogprobs(value: unknown): TokenLogprob[] {
  const fields = fieldsOf(value);
  const ids = listOf(fields["token_ids"]);
  return listOf(fields["logprobs"]).flatMap((logprob, index, all) => {
    if (typeof logprob !== "number") return [];
    const token =
      all.length === 1 ? textOf(fields["text"]) : `token_id:${String(ids[index] ?? "")}`;
    return [{ token, logprob, bytes: null, top: [] }];
  });
}
