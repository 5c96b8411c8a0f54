/** Reads how the answer's tokens are to be drawn, checked against the ranges that OpenAI gives. */
import type { JsonObject } from "../../core/json-value.ts";
import type { Sampling } from "../../wire/conversation.ts";
import type { FeatureId } from "../../wire/feature.ts";
import { fieldFault, refuse } from "../refuse.ts";
import { type Bounds, findBoolean, findNumber, findObject, type Note } from "../request-members.ts";

/** Name here, name there, what it may be, what it is a use of. */
const numbers = [
  ["temperature", "temperature", { from: 0, to: 2 }, "temperature"],
  ["top_p", "topP", { from: 0, to: 1 }, "top-p"],
  ["top_k", "topK", { from: -1, to: Infinity, whole: true }, "top-k"],
  ["seed", "seed", { from: -Infinity, to: Infinity, whole: true }, "seed"],
  ["presence_penalty", "presencePenalty", { from: -2, to: 2 }, "penalties"],
  ["frequency_penalty", "frequencyPenalty", { from: -2, to: 2 }, "penalties"],
] as const satisfies readonly (readonly [string, keyof Sampling, Bounds, FeatureId])[];

function decodeStop(body: JsonObject, note: Note): { readonly stop?: readonly string[] } {
  const value = body["stop"];
  if (value === undefined || value === null) return {};
  const list = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  const isText = list.every((item): item is string => typeof item === "string" && item !== "");
  if (!isText) throw refuse("stop", "must be a string or a list of strings, none empty");
  if (list.length === 0) return {};
  note("stop-sequences", "stop");
  return { stop: list };
}

function decodeChoices(body: JsonObject, note: Note): { readonly choices?: number } {
  const choices = findNumber(body, "n", { from: 1, to: 128, whole: true });
  if (choices === undefined || choices === 1) return {};
  note("multiple-choices", "n");
  return { choices };
}

function decodeBias(body: JsonObject, note: Note): { readonly logitBias?: JsonObject } {
  const logitBias = findObject(body, "logit_bias", "");
  if (logitBias === undefined || Object.keys(logitBias).length === 0) return {};
  for (const [token, bias] of Object.entries(logitBias))
    if (typeof bias !== "number" || Math.abs(bias) > 100)
      throw fieldFault(
        `logit_bias.${token}`,
        "`logit_bias` must hold numbers between -100 and 100",
      );
  note("logit-bias", "logit_bias");
  return { logitBias };
}

function decodeLogprobs(body: JsonObject, note: Note): { readonly topLogprobs?: number } {
  const top = findNumber(body, "top_logprobs", { from: 0, to: 20, whole: true });
  const asked = findBoolean(body, "logprobs", "") ?? top !== undefined;
  if (!asked) return {};
  note("logprobs", top === undefined ? "logprobs" : "top_logprobs");
  return { topLogprobs: top ?? 0 };
}

/** A penalty of zero is none at all. */
export function decodeSampling(body: JsonObject, note: Note): Sampling {
  const sampling: Record<string, number> = {};
  for (const [name, key, bounds, feature] of numbers) {
    const value = findNumber(body, name, bounds);
    if (value === undefined || (feature === "penalties" && value === 0)) continue;
    note(feature, name);
    sampling[key] = value;
  }
  return {
    ...sampling,
    ...decodeStop(body, note),
    ...decodeChoices(body, note),
    ...decodeBias(body, note),
    ...decodeLogprobs(body, note),
  };
}
