/** Log probabilities of tokens, both ways. Google tells them by step: the chosen one, and the best ones beside. */
import type { JsonObject } from "../../core/json-value.ts";
import type { TokenLogprob } from "../../wire/chat-reply.ts";
import { fieldsOf, listOf, textOf } from "../loose-fields.ts";

interface Chance {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
}

/** Google leaves zeros out. */
function chanceOf(value: unknown): Chance {
  const fields = fieldsOf(value);
  const token = textOf(fields["token"]);
  const logprob = typeof fields["logProbability"] === "number" ? fields["logProbability"] : 0;
  return { token, logprob, bytes: [...Buffer.from(token)] };
}

/** Tokens of `logprobsResult`; empty where there are none. */
export function decodeLogprobs(value: unknown): TokenLogprob[] {
  const fields = fieldsOf(value);
  const tops = listOf(fields["topCandidates"]);
  return listOf(fields["chosenCandidates"]).map((chosen, index) => ({
    ...chanceOf(chosen),
    top: listOf(fieldsOf(tops[index])["candidates"]).map(chanceOf),
  }));
}

function encodeChance({ token, logprob }: { token: string; logprob: number }): JsonObject {
  return { token, logProbability: logprob };
}

/** `logprobsResult` of an answer's tokens. */
export function encodeLogprobs(tokens: readonly TokenLogprob[]): JsonObject {
  const chosenCandidates = tokens.map(encodeChance);
  if (tokens.every(({ top }) => top.length === 0)) return { chosenCandidates };
  const topCandidates = tokens.map(({ top }) => ({ candidates: top.map(encodeChance) }));
  return { chosenCandidates, topCandidates };
}
