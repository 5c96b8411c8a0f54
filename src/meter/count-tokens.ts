/**
 * Counts the input tokens of a conversation here, where no vendor counts them.
 * It is an estimate, and documented as one: o200k's tokens for all text and tools, a few for each message, a constant
 * for each picture, sound or document. Promise kept here: the loop never stands still, whatever text is counted.
 */
import type { Clock } from "../core/clock.ts";
import type { Conversation, MediaPart, Message, TextPart } from "../wire/conversation.ts";

type Count = (text: string) => number;

/** Loaded when first asked: its vocabulary takes some 150 ms and 30 MB. */
async function loadCounter(): Promise<Count> {
  const { countTokens } = await import("gpt-tokenizer/encoding/o200k_base");
  // Words such as `<|endoftext|>` are text like any other.
  const disallowedSpecial = new Set<string>();
  return (text) => countTokens(text, { disallowedSpecial });
}

/** Longer runs without white space take time by the square of their length. */
const sliceLength = 2048;
/** Slices between two turns of the loop. */
const slicesATurn = 4;
/** Time after which the rest is taken to be like what was counted. */
const budgetMs = 500;

const tokensAMessage = 4;
const tokensATool = 8;
const tokensAnImage = 1_000;
const tokensOfMedia: Readonly<Record<MediaPart["medium"], number>> = {
  image: tokensAnImage,
  document: 3_000,
  audio: 1_000,
  video: 5_000,
};

/** What is counted: text, and tokens that stand for something else. */
interface Weight {
  readonly texts: string[];
  tokens: number;
}

function weighContent(part: TextPart | MediaPart, weight: Weight): void {
  if (part.kind === "text") weight.texts.push(part.text);
  else if (part.source.kind === "text") weight.texts.push(part.source.text);
  else weight.tokens += tokensOfMedia[part.medium];
}

function weighMessage(message: Message, weight: Weight): void {
  weight.tokens += tokensAMessage;
  for (const part of message.parts)
    switch (part.kind) {
      case "media":
        weighContent(part, weight);
        break;
      case "tool-call":
        weight.texts.push(part.name, part.arguments);
        break;
      case "tool-result":
        for (const item of part.content) weighContent(item, weight);
        break;
      case "foreign":
        weight.texts.push(JSON.stringify(part.value));
        break;
      default:
        weight.texts.push(part.text);
    }
}

function weigh(conversation: Conversation): Weight {
  const weight: Weight = { texts: [], tokens: tokensAMessage };
  for (const { text } of conversation.system) weight.texts.push(text);
  for (const message of conversation.messages) weighMessage(message, weight);
  for (const tool of conversation.tools) {
    weight.tokens += tokensATool;
    weight.texts.push(tool.name, tool.description ?? "");
    if (tool.parameters !== null) weight.texts.push(JSON.stringify(tool.parameters));
  }
  const { responseFormat } = conversation;
  if (responseFormat?.kind === "schema") weight.texts.push(JSON.stringify(responseFormat.schema));
  return weight;
}

/** Cuts at white space where there is any: a cut within a word counts it twice. */
function* slices(text: string): Generator<string> {
  let start = 0;
  while (text.length - start > sliceLength) {
    const window = text.slice(start, start + sliceLength);
    const space = Math.max(window.lastIndexOf(" "), window.lastIndexOf("\n"));
    const end = start + (space > sliceLength / 2 ? space : sliceLength);
    yield text.slice(start, end);
    start = end;
  }
  if (start < text.length) yield text.slice(start);
}

function turnOfLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

async function countTexts(texts: readonly string[], clock: Clock): Promise<number> {
  const count = await loadCounter();
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  let tokens = 0;
  let counted = 0;
  let slicesDone = 0;
  let spentMs = 0;
  for (const text of texts)
    for (const slice of slices(text)) {
      const startedAtMs = clock.monotonic();
      tokens += count(slice);
      counted += slice.length;
      spentMs += clock.monotonic() - startedAtMs;
      if (spentMs > budgetMs) return Math.ceil((tokens * length) / counted);
      slicesDone += 1;
      if (slicesDone % slicesATurn === 0) await turnOfLoop();
    }
  return tokens;
}

/** Input tokens that a conversation takes, about. */
export async function countInputTokens(conversation: Conversation, clock: Clock): Promise<number> {
  const { texts, tokens } = weigh(conversation);
  return tokens + (await countTexts(texts, clock));
}
