/** Every recorded exchange whose request a caller of ours could have sent, as the call that it would have been. */
import type { FrontId } from "../../src/wire/call.ts";
import { type Recording, loadRecordings, ownRecordings } from "../fakes/recordings.ts";
import type { JsonValue } from "./json-forms.ts";

export interface RecordedCall {
  readonly id: string;
  /** File that it is in. */
  readonly protocol: string;
  readonly dialect: FrontId;
  /** On the gateway. */
  readonly path: string;
  /** On the upstream, behind the host. */
  readonly upstreamPath: string;
  readonly model: string;
  /** Whether the path names the model, not the body. */
  readonly modelInPath: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly parsed: Readonly<Record<string, JsonValue>>;
  readonly stream: boolean;
  readonly response: Recording["response"];
}

interface Row {
  readonly dialect: FrontId;
  readonly pattern: RegExp;
  readonly path: string;
  readonly upstreamPath?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const rows: readonly Row[] = [
  { dialect: "openai-chat", pattern: /\/chat\/completions$/, path: "/v1/chat/completions" },
  { dialect: "openai-chat", pattern: /\/v1\/embeddings$/, path: "/v1/embeddings" },
  { dialect: "openai-responses", pattern: /\/responses$/, path: "/v1/responses" },
  { dialect: "openai-responses", pattern: /\/responses\/compact$/, path: "/v1/responses/compact" },
  {
    dialect: "openai-responses",
    pattern: /\/responses\/input_tokens$/,
    path: "/v1/responses/input_tokens",
  },
  {
    dialect: "anthropic-messages",
    pattern: /\/v1\/messages$/,
    path: "/v1/messages",
    headers: { "anthropic-version": "2023-06-01" },
  },
  {
    dialect: "anthropic-messages",
    pattern: /\/v1\/messages\/count_tokens$/,
    path: "/v1/messages/count_tokens",
    headers: { "anthropic-version": "2023-06-01" },
  },
];

/** Files whose exchanges are, all or in part, of an API that callers speak here. */
export const frontProtocols = [
  "openai-chat",
  "openai-responses",
  "anthropic",
  "gemini",
  "count-tokens",
  "embeddings",
  "openai-compact",
] as const;

const geminiPath =
  /\/models\/([^/:]+):(generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents)$/;

/** What a recording's path means here; undefined: it is of an API that only upstreams speak (Bedrock, Cohere). */
function placeOf(
  path: string,
): Pick<RecordedCall, "dialect" | "path" | "upstreamPath" | "headers"> | undefined {
  const [plain = "", query] = path.split("?");
  const gemini = geminiPath.exec(plain);
  if (gemini !== null) {
    const [, model = "", action = ""] = gemini;
    const sse = query?.includes("alt=sse") === true;
    const tail = `/models/${model}:${action}${sse ? "?alt=sse" : ""}`;
    const upstreamPath =
      action === "streamGenerateContent" && !sse ? `/v1beta${tail}?alt=sse` : `/v1beta${tail}`;
    return { dialect: "gemini-content", path: `/v1beta${tail}`, upstreamPath, headers: {} };
  }
  const row = rows.find(({ pattern }) => pattern.test(plain));
  if (row === undefined) return undefined;
  return {
    dialect: row.dialect,
    path: row.path,
    upstreamPath: row.path,
    headers: row.headers ?? {},
  };
}

function callOf(protocol: string, recording: Recording): RecordedCall | undefined {
  const { id, request, response } = recording;
  const place = placeOf(request.path);
  if (place === undefined) return undefined;
  const parsed = JSON.parse(request.body.toString()) as Record<string, JsonValue>;
  const named = geminiPath.exec(place.path.split("?")[0] ?? "")?.[1];
  return {
    id,
    protocol,
    ...place,
    model: named ?? String(parsed["model"]),
    modelInPath: named !== undefined,
    body: request.body,
    parsed,
    stream: named === undefined ? parsed["stream"] === true : /:stream/.test(place.path),
    response,
  };
}

export interface RecordedCalls {
  readonly calls: readonly RecordedCall[];
  /** Whether the recordings are those beside the checkout, which hold all APIs; else a few of our own making. */
  readonly real: boolean;
}

/** All of them; those of our own making where the checkout has none beside it. */
export function loadRecordedCalls(): RecordedCalls {
  const real = loadRecordings("openai-chat") !== undefined;
  const calls = frontProtocols.flatMap((protocol) => {
    const own = protocol === "openai-chat" ? ownRecordings() : [];
    const recordings = loadRecordings(protocol) ?? own;
    return recordings.flatMap((recording) => callOf(protocol, recording) ?? []);
  });
  return { calls, real };
}

/** Options and base URL of a channel that speaks a dialect alone at `origin`. */
export function channelSpeaking(
  dialect: string,
  origin: string,
): { readonly baseUrl: string; readonly options: { readonly dialects: readonly string[] } } {
  const versions: Readonly<Record<string, string>> = {
    "openai-chat": "/v1",
    "openai-media": "/v1",
    "openai-responses": "/v1",
    "jina-v1": "/v1",
    "gemini-content": "/v1beta",
  };
  return { baseUrl: origin + (versions[dialect] ?? ""), options: { dialects: [dialect] } };
}
