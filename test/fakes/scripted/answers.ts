/** What a modest model knows: repeating, counting, arithmetic, capitals, names it was told, the weather from results. */
import type { SpokenTurn } from "./wishes.ts";

export interface Question {
  readonly system: string;
  readonly turns: readonly SpokenTurn[];
  readonly userText: string;
  /** Results of tools that were called for it. */
  readonly results: readonly string[];
}

const capitals: Readonly<Record<string, string>> = {
  france: "Paris",
  germany: "Berlin",
  japan: "Tokyo",
  australia: "Canberra",
  italy: "Rome",
  spain: "Madrid",
};

const essay = [
  "The sea covers most of the earth, and light that falls through the air above it is scattered,",
  "the short blue waves far more than the long red ones, so that from every side blue reaches the eye.",
  "Where the path through the air is long, as in the evening, little of it is left and the sky turns red.",
].join(" ");

/** Answers in order of preference; the first that knows something is taken. */
const knowers: readonly ((question: Question) => string | undefined)[] = [
  // Orders of the system stand above what the user asks.
  ({ system }) => /repl(?:y|ies) with exactly the word "([^"]+)"/i.exec(system)?.[1],
  ({ results }) => (results.length === 0 ? undefined : `The tools say: ${results.join("; ")}`),
  ({ userText }) =>
    /(?:say|repeat)[^:\n]*\bexactly\b[^:\n]*: ?([^\n]+)/i.exec(userText)?.[1]?.trim(),
  ({ userText }) => {
    const [, from, to] = /count from (\d+) to (\d+)/i.exec(userText) ?? [];
    if (from === undefined || to === undefined) return undefined;
    const length = Number(to) - Number(from) + 1;
    return Array.from({ length }, (_, index) => Number(from) + index).join(", ");
  },
  ({ userText }) => {
    const [, left, sign, right] = /(\d+)\s*([*+-])\s*(\d+)/.exec(userText) ?? [];
    if (left === undefined || right === undefined) return undefined;
    const [one, other] = [Number(left), Number(right)];
    return String(sign === "*" ? one * other : sign === "+" ? one + other : one - other);
  },
  ({ userText }) => {
    const country = /capital of (\w+)/i.exec(userText)?.[1]?.toLowerCase();
    return country === undefined ? undefined : capitals[country];
  },
  ({ turns, userText }) => {
    if (!/what is my name/i.test(userText)) return undefined;
    const told = turns.map(({ text }) => /my name is (\w+)/i.exec(text)?.[1]);
    return told.findLast((name) => name !== undefined) ?? "You have not told me.";
  },
  ({ userText }) => (/essay|at length|in detail|long/i.test(userText) ? essay : undefined),
  ({ userText }) => (/say (?:hello|hi)|^h(?:i|ello)\b/i.test(userText) ? "Hello" : undefined),
];

/** Never empty. */
export function answerTo(question: Question): string {
  for (const know of knowers) {
    const answer = know(question);
    if (answer !== undefined && answer !== "") return answer;
  }
  return "Copper Lantern";
}
