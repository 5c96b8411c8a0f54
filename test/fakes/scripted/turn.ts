/** What a scripted upstream understands of a request and how it answers, whichever API the request came in. */

/** A tool that the request offers. */
export interface OfferedTool {
  readonly name: string;
  readonly schema: Readonly<Record<string, unknown>>;
}

/** APIs that the scripted upstream speaks. */
export type ScriptedApi =
  | "chat"
  | "responses"
  | "messages"
  | "gemini"
  | "converse"
  | "cohere"
  | "ollama"
  | "coze"
  | "replicate";

/** What a request said, in no vendor's words. */
export interface Heard {
  readonly api: ScriptedApi;
  readonly model: string;
  readonly stream: boolean;
  readonly tools: readonly OfferedTool[];
  /** How tools may be called: `none`, `auto`, `required`, or a tool's name. */
  readonly toolChoice: string;
  /** Text of the last message or turn of the user. */
  readonly userText: string;
  /** Results of the tool calls that follow the last assistant turn. */
  readonly toolResults: readonly string[];
  /** JSON Schema the answer must follow; null: none. `{}` for any JSON object. */
  readonly format: Readonly<Record<string, unknown>> | null;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** One answer. */
export interface Said {
  readonly reasoning?: string;
  readonly text?: string;
  readonly calls?: readonly { readonly name: string; readonly arguments: unknown }[];
  /** Cut off by the output limit. */
  readonly cutOff?: boolean;
  /** The stop sequence that ended it; APIs that tell only that one did tell that. */
  readonly stoppedBy?: string;
  /** Said in place of a text by APIs that have words of their own for it. */
  readonly refusal?: string;
  /** Left out: `usage`. */
  readonly tokens?: Tokens;
  /** Tells how likely each piece of the text was, where the API can. */
  readonly logprobs?: boolean;
  /** So many times the same, where the API knows choices. */
  readonly choices?: number;
  /** Told as taken on and not yet worked on, where the API knows such. */
  readonly queued?: boolean;
  /** Tells this answer's ids and signatures from those of others; left out: `scripted`. */
  readonly mark?: string;
  /** A thought that the vendor keeps to itself, behind the one that it tells, where the API knows such. */
  readonly redacted?: true;
}

export function markOf({ mark = "scripted" }: Said): string {
  return mark;
}

/** The signature of an answer, as base64. */
export function signatureOf({ mark }: Said): string {
  return Buffer.from(mark === undefined ? "SCRIPTED" : `SCRIPTED-${mark}`).toString("base64");
}

/** Input holds what was cached, output what was reasoned. */
export interface Tokens {
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly reasoning: number;
  /** Of the input; left out: none. */
  readonly written?: number;
}

export type Script = (heard: Heard) => Said;

/** One piece of a reply: bytes to write, one network write each. */
export type Pieces = readonly (string | Uint8Array)[];

export interface RenderedTurn {
  readonly contentType: string;
  readonly pieces: Pieces;
}

type Obj = Readonly<Record<string, unknown>>;

export function asObject(value: unknown): Obj {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Obj) : {};
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** All text in a content of any API: strings, parts with `text`, nested contents. */
export function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (Array.isArray(content)) return content.map(textOf).join("");
  const part = asObject(content);
  if (typeof part["text"] === "string") return part["text"];
  return "content" in part ? textOf(part["content"]) : "";
}

/** Cuts a text into small pieces, in the middle of words, as models do. */
export function cut(text: string, size = 7): string[] {
  const pieces: string[] = [];
  for (let start = 0; start < text.length; start += size)
    pieces.push(text.slice(start, start + size));
  return pieces;
}

/** Usage that all renderers tell, each in its own words. */
export const usage = {
  input: 120,
  cached: 20,
  output: 34,
  reasoning: 9,
} as const satisfies Tokens;

/** How likely a piece of text is said to have been: always the same for the same piece. */
export function likelihoodOf(piece: string): number {
  return -(piece.length % 5) / 100 - 0.01;
}
