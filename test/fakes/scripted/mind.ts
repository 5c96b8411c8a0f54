/**
 * A model with wits enough to be examined: it answers by what it is asked, thinks when it is told to, calls the tools
 * that the question is about, follows schemas, stops where it shall, and counts its tokens.
 */
import { answerTo } from "./answers.ts";
import { callsFor, instanceOf } from "./schema-values.ts";
import type { Heard, Said, Script, Tokens } from "./turn.ts";
import { asObject, cut } from "./turn.ts";
import { type SpokenTurn, type Wishes, wishesOf } from "./wishes.ts";

const lettersAToken = 4;
/** So long must a common beginning be before the cache keeps it. */
const cachedLetters = 512 * lettersAToken;

/** How many tokens a text has for this model. */
export function countTokens(text: string): number {
  return Math.max(1, Math.ceil(text.length / lettersAToken));
}

interface Spent {
  readonly reasoning: readonly string[];
  readonly text: readonly string[];
  readonly cutOff: boolean;
}

/** Spends the allowed tokens on thoughts first, then on words. */
function spend(wishes: Wishes, thoughts: string, text: string): Spent {
  const limit = wishes.maxTokens ?? Infinity;
  const reasoning = cut(thoughts).slice(0, limit);
  const words = cut(text);
  const left = limit - reasoning.length;
  return { reasoning, text: words.slice(0, left), cutOff: words.length > left };
}

function stopAt(text: string, stops: readonly string[]): { text: string; stoppedBy?: string } {
  const found = stops
    .filter((stop) => text.includes(stop))
    .toSorted((one, other) => text.indexOf(one) - text.indexOf(other))[0];
  if (found === undefined) return { text };
  return { text: text.slice(0, text.indexOf(found)), stoppedBy: found };
}

/** A schema that instructions hold, for vendors that take none beside them. */
function schemaIn(system: string): Readonly<Record<string, unknown>> {
  const [, text] = /JSON Schema[^{]*(\{[^]*\})/.exec(system) ?? [];
  return text === undefined ? {} : asObject(JSON.parse(text));
}

/** What an answer to a question that wants JSON is; undefined: it does not. */
function jsonFor({ format, userText }: Heard, { system }: Wishes): string | undefined {
  if (format === null && !/\bJSON\b/.test(system)) return undefined;
  const wanted = format ?? schemaIn(system);
  if (Object.keys(wanted).length > 0) return JSON.stringify(instanceOf(wanted, userText));
  const named = [...userText.matchAll(/"(\w+)"(?:\s*\((?:an? )?(\w+)\))?/g)];
  const properties = Object.fromEntries(named.map(([, name, type]) => [name, { type }]));
  const required = Object.keys(properties);
  return JSON.stringify(instanceOf({ type: "object", properties, required }, userText));
}

function asFollows(heard: Heard, wishes: Wishes): string {
  const json = jsonFor(heard, wishes);
  if (json !== undefined) return json;
  const question = { ...wishes, userText: heard.userText, results: heard.toolResults };
  const begun = begunAnswer(wishes.turns);
  if (begun === undefined || heard.toolResults.length > 0) return answerTo(question);
  return continued(begun.text, answerTo({ ...question, userText: begun.asked }));
}

/** What an answer that shall be gone on with was to, and how it begins; undefined: none shall. */
function begunAnswer(turns: readonly SpokenTurn[]): { asked: string; text: string } | undefined {
  const last = turns.at(-1);
  const inWords = last?.role === "user" && /^(?:go on|continue)\b/i.test(last.text);
  const open = inWords ? turns.slice(0, -1) : turns;
  const begun = open.at(-1);
  if (begun?.role !== "assistant") return undefined;
  return { asked: open.findLast(({ role }) => role === "user")?.text ?? "", text: begun.text };
}

/** The rest of an answer that has been begun: where it breaks off within a word of it, from there. */
function continued(begun: string, answer: string): string {
  for (let length = Math.min(begun.length, answer.length); length > 0; length -= 1)
    if (begun.endsWith(answer.slice(0, length))) return answer.slice(length);
  return answer;
}

/** A model with a memory of the prompts it has read, as vendors' caches have. */
export function openMind(): Script {
  const seen: string[] = [];
  let answers = 0;
  const tokensFor = (wishes: Wishes, output: number, reasoning: number): Tokens => {
    const input = countTokens(wishes.prompt);
    const head = wishes.prompt.slice(0, cachedLetters);
    const long = wishes.prompt.length >= cachedLetters;
    const known = long && seen.includes(head);
    if (long && !known) seen.push(head);
    const half = Math.floor(input / 2);
    const written = long && !known && wishes.marked ? half : 0;
    return { input, cached: known ? half : 0, output, reasoning, written };
  };
  return (heard) => {
    const wishes = wishesOf(heard);
    answers += 1;
    const mark = String(answers);
    const thoughts = wishes.thinks ? "Let me think. I see." : "";
    const calls = callsFor(heard, wishes);
    if (calls.length > 0) {
      const output = cut(thoughts).length + cut(JSON.stringify(calls)).length;
      const shown = wishes.showsThoughts ? { reasoning: thoughts } : {};
      return { ...shown, calls, mark, tokens: tokensFor(wishes, output, cut(thoughts).length) };
    }
    const { text, stoppedBy } = stopAt(asFollows(heard, wishes), wishes.stop);
    const spent = spend(wishes, thoughts, text);
    return told(wishes, spent, {
      mark,
      ...(stoppedBy !== undefined && !spent.cutOff && { stoppedBy }),
      tokens: tokensFor(
        wishes,
        (spent.reasoning.length + spent.text.length) * wishes.choices,
        spent.reasoning.length,
      ),
    });
  };
}

function told(wishes: Wishes, spent: Spent, more: Said): Said {
  const reasoning = spent.reasoning.join("");
  const text = spent.text.join("");
  return {
    ...more,
    ...(wishes.showsThoughts && reasoning !== "" && { reasoning }),
    ...(text !== "" && { text }),
    ...(spent.cutOff && { cutOff: true }),
    logprobs: wishes.logprobs,
    choices: wishes.choices,
  };
}
