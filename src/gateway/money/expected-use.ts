/**
 * What a call may use at most, told from its request before anybody is asked: what is set aside for it.
 * Promise kept here: nothing of it is trusted that a caller can lie about without paying for it, and no large body is
 * parsed for it.
 */
import { GatewayError } from "../../core/errors.ts";
import type { CallFacts } from "../../dialects/contract.ts";
import type { CallRequest, DialectId, Operation } from "../../wire/call.ts";
import type { UsageKinds } from "../../wire/usage.ts";

/** What may be used of everything that has a price. */
export interface ExpectedUse {
  /** Bytes of text in the request. */
  readonly inputBytes: number;
  readonly mediaParts: number;
  /** Answers asked for. */
  readonly answers: number;
  /** Of one answer: the caller's own limit; null: it names none. */
  readonly outputLimit: number | null;
  /** Fees of the vendor's own tools that the call allows, and units that it asks for itself. */
  readonly tools: UsageKinds;
}

/** Bodies up to here are taken for text as they are, which is more than their text and costs nothing to know. */
const plainBytes = 64 * 1024;
/** Answers that one call may ask for, where money is set aside for them. */
const maxAnswers = 1000;
/** Uses of a tool that are set aside where the caller bounds none. */
const usualToolUses = 5;

/** Members that stand once in each part that is no text, over all APIs. */
const mediaMarks =
  /"(?:image_url|input_image|input_audio|input_file|file_data|source|inlineData|inline_data|fileData)"/g;
const searchMarks = /"(?:web_search|google_search|googleSearch)/g;
/** No mark is longer. */
const longestMark = 16;
const pieceBytes = 64 * 1024;

/** Read in pieces, so that no text as long as a large body is made of it. */
function count(body: Buffer, marks: RegExp): number {
  let found = 0;
  for (let at = 0; at < body.length; at += pieceBytes) {
    const piece = body.toString("latin1", at, at + pieceBytes + longestMark);
    // Most calls are text alone, and a search is cheaper than its matches.
    if (piece.search(marks) < 0) continue;
    // What begins behind the piece is the next one's.
    for (const { index } of piece.matchAll(marks)) if (index < pieceBytes) found += 1;
  }
  return found;
}

function toolsOf(body: Buffer): UsageKinds {
  const searches = count(body, searchMarks);
  if (searches === 0) return {};
  const bounded = /"max_uses"\s*:\s*(\d{1,4})/.exec(body.toString("latin1"))?.[1];
  return { webSearches: bounded === undefined ? usualToolUses : Number(bounded) };
}

/** What answers no tokens, whatever its model could. */
const silentOperations: readonly Operation[] = [
  "embeddings",
  "rerank",
  "moderations",
  "speech",
  "transcription",
  "translation",
];

const imageOperations: readonly Operation[] = [
  "image-generation",
  "image-edit",
  "image-variation",
  "image-tool",
];

/** What is asked for in units of its own. `kinds`: what the request itself counts (characters to be spoken). */
function unitsOf(operation: Operation, answers: number, kinds: UsageKinds): UsageKinds {
  return imageOperations.includes(operation) ? { ...kinds, images: answers } : kinds;
}

/** Longest body of a completion that is parsed for how many texts it completes: few callers use these at all. */
const parsedBytes = 1024 * 1024;

/**
 * Texts that a call of `completions` has written: each prompt of a list is answered `n` times, chosen of `best_of`, and
 * all of them are billed (https://platform.openai.com/docs/api-reference/completions/create). A list of numbers is one
 * prompt in tokens.
 */
function completionsOf(
  { body, operation }: Pick<CallRequest, "body" | "operation">,
  answers: number,
): number {
  if (operation !== "completions" || body.length > parsedBytes) return answers;
  let asked: { readonly prompt?: unknown; readonly best_of?: unknown } | null;
  try {
    asked = JSON.parse(body.toString()) as typeof asked;
  } catch {
    return answers;
  }
  const { prompt, best_of: best } = asked ?? {};
  const isList = Array.isArray(prompt) && prompt.length > 0 && typeof prompt[0] !== "number";
  return Math.max(answers, typeof best === "number" ? best : 1) * (isList ? prompt.length : 1);
}

/** How the APIs name the number of answers and the limit of one. */
const spellings: Partial<Record<DialectId, { readonly answers?: string; readonly limit: string }>> =
  {
    "openai-responses": { limit: "max_output_tokens" },
    "gemini-content": {
      answers: "generationConfig.candidateCount",
      limit: "generationConfig.maxOutputTokens",
    },
  };

function refuse(field: string, most: number): GatewayError {
  const message = `must be a whole number from 1 to ${most}`;
  const detail = `${field} ${message}`;
  return new GatewayError("invalid_request", detail, {
    fields: [{ field, message }],
    values: { detail },
  });
}

/** Null: the caller names none. None of no tokens is one either: some vendors answer as much as they like to that. */
function limitOf({ dialect }: Pick<CallRequest, "dialect">, facts: CallFacts): number | null {
  const { maxOutputTokens } = facts;
  if (maxOutputTokens === null || maxOutputTokens === 0) return null;
  if (Number.isSafeInteger(maxOutputTokens)) return maxOutputTokens;
  throw refuse(spellings[dialect]?.limit ?? "max_tokens", Number.MAX_SAFE_INTEGER);
}

/** `told.textBytes` is asked for large bodies alone. Throws `invalid_request` for numbers that nobody can mean. */
export function expectUse(
  request: Pick<CallRequest, "body" | "dialect" | "operation">,
  facts: CallFacts,
  told: { readonly textBytes: () => number; readonly kinds: UsageKinds },
): ExpectedUse {
  const { body, operation } = request;
  const answers = completionsOf(request, facts.answers ?? 1);
  if (!Number.isSafeInteger(answers) || answers > maxAnswers)
    throw refuse(spellings[request.dialect]?.answers ?? "n", maxAnswers);
  return {
    inputBytes: body.length <= plainBytes ? body.length : told.textBytes(),
    mediaParts: count(body, mediaMarks),
    answers,
    outputLimit: silentOperations.includes(operation) ? 0 : limitOf(request, facts),
    tools: {
      ...(facts.usesTools ? toolsOf(body) : {}),
      ...unitsOf(operation, answers, told.kinds),
    },
  };
}
