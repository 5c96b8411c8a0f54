/**
 * What every recorded reply says it used: once as the vendor's own numbers, found here without the gateway's readers,
 * and once as the gateway reads them. Recordings and replies of vendors' packages alike.
 */
import { isObject, type JsonObject } from "../../src/core/json-value.ts";
import { SseFramer } from "../../src/core/sse.ts";
import { findDialect, findUpstreamCodec } from "../../src/dialects/registry.ts";
import type { DialectId } from "../../src/wire/call.ts";
import type { Usage } from "../../src/wire/usage.ts";
import { loadRecordings, type Recording } from "../fakes/recordings.ts";
import { anyContext, decodeChunks, joinEvents } from "../fakes/reply-events.ts";
import { loadVendorExchanges, type RecordedApi } from "../fakes/vendor-exchanges.ts";

export interface UsageRecording {
  readonly id: string;
  readonly dialect: DialectId;
  /** Empty for replies of packages. */
  readonly host: string;
  readonly path: string;
  /** As the reply names it, else the path or the request. */
  readonly model: string;
  /** The vendor's reply as far as it counts: `model`, and its usage where the vendor puts it. Undefined: it told none. */
  readonly told: JsonObject | undefined;
  readonly usage: Usage | null;
  readonly isStream: boolean;
}

const apis: Readonly<Record<RecordedApi, DialectId>> = {
  chat: "openai-chat",
  responses: "openai-responses",
  messages: "anthropic-messages",
  gemini: "gemini-content",
  converse: "bedrock-converse",
  cohere: "cohere-v2",
};

const protocols: readonly (readonly [file: string, dialect: DialectId])[] = [
  ["openai-chat", "openai-chat"],
  ["openai-responses", "openai-responses"],
  ["openai-compact", "openai-responses"],
  ["anthropic", "anthropic-messages"],
  ["bedrock-invoke", "anthropic-messages"],
  ["gemini", "gemini-content"],
  ["bedrock-converse", "bedrock-converse"],
  ["cohere", "cohere-v2"],
];

const packages: readonly (readonly [folder: string, api: RecordedApi, host: string])[] = [
  ["openai/chat", "chat", "api.openai.com"],
  ["groq", "chat", "api.groq.com"],
  ["mistral", "chat", "api.mistral.ai"],
  ["deepseek/chat", "chat", "api.deepseek.com"],
  ["xai", "chat", "api.x.ai"],
  ["alibaba", "chat", ""],
  ["moonshotai", "chat", "api.moonshot.ai"],
  ["perplexity", "chat", "api.perplexity.ai"],
  ["openai-compatible/chat", "chat", ""],
  ["openai/responses", "responses", "api.openai.com"],
  ["azure", "responses", "api.openai.com"],
  ["xai/responses", "responses", ""],
  ["open-responses/responses", "responses", ""],
  ["anthropic", "messages", "api.anthropic.com"],
  ["google", "gemini", "generativelanguage.googleapis.com"],
  ["amazon-bedrock", "converse", "bedrock-runtime.us-east-1.amazonaws.com"],
  ["cohere", "cohere", "api.cohere.com"],
];

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const found = (one: JsonObject | undefined): JsonObject[] => (one === undefined ? [] : [one]);

/** Payloads of a stream. Of AWS's frames only those that tell usage, cut out of their bytes. */
function payloads(dialect: DialectId, body: Buffer): JsonObject[] {
  if (dialect === "bedrock-converse")
    return [
      ...body.toString("latin1").matchAll(/"usage":(\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})/g),
    ].flatMap(([, usage = ""]) => found(parsed(`{"usage":${usage}}`)));
  return body
    .toString()
    .split(/\r?\n/)
    .filter((line) => line.startsWith("data:"))
    .flatMap((line) => found(parsed(line.slice(5))));
}

const objectIn = (value: unknown): JsonObject => (isObject(value) ? value : {});
const isFilled = (value: unknown): boolean => isObject(value) && Object.keys(value).length > 0;

/** What the events of a stream of Messages tell: later numbers over earlier ones, unless they are noughts. */
function joinMessages(events: readonly JsonObject[]): JsonObject | undefined {
  let model: unknown;
  const usage: Record<string, unknown> = {};
  for (const event of events) {
    const message = objectIn(event["message"]);
    model ??= message["model"];
    const told = objectIn(event["usage"] ?? message["usage"]);
    for (const [name, value] of Object.entries(told))
      if (value !== 0 || !(name in usage)) usage[name] = value;
  }
  return isFilled(usage) ? ({ model, usage } as unknown as JsonObject) : undefined;
}

/** Where each vendor's stream tells its usage. */
function toldByStream(dialect: DialectId, body: Buffer): JsonObject | undefined {
  const events = payloads(dialect, body);
  switch (dialect) {
    case "anthropic-messages":
      return joinMessages(events);
    case "openai-responses":
      return objectIn(
        events.findLast(({ type }) => /^response\.(completed|incomplete)$/.test(String(type)))?.[
          "response"
        ],
      );
    case "gemini-content":
      return events.findLast(({ usageMetadata }) =>
        Object.keys(objectIn(usageMetadata)).some((name) => name.endsWith("TokenCount")),
      );
    case "cohere-v2":
      return objectIn(events.findLast(({ type }) => type === "message-end")?.["delta"]);
    default:
      return events
        .map((event) => {
          const choice = objectIn((event["choices"] as unknown[] | undefined)?.[0]);
          const usage = event["usage"] ?? objectIn(event["x_groq"])["usage"] ?? choice["usage"];
          return { ...event, usage: usage ?? null } as JsonObject;
        })
        .findLast(({ usage }) => isFilled(usage));
  }
}

/** As the gateway hands a reply on; what it only translates, as it translates it. */
function readByGateway(dialect: DialectId, body: Buffer, isStream: boolean): Usage | null {
  const front = dialect === "cohere-v2" ? undefined : findDialect(dialect);
  if (front !== undefined && !isStream) return front.readReply(body)?.usage ?? null;
  if (front !== undefined) {
    const readEvent = front.makeEventReader();
    let usage: Usage | null = null;
    new SseFramer((event: Buffer) => {
      if (readEvent(event).hasUsage) usage = front.eventUsage(event, usage) ?? usage;
    }).push(Buffer.concat([body, Buffer.from("\n\n")]));
    return usage;
  }
  const codec = findUpstreamCodec(dialect);
  if (codec === undefined) throw new Error(`no codec ${dialect}`);
  if (!isStream) return codec.decodeReply(objectIn(parsed(body.toString())), anyContext).usage;
  return joinEvents(decodeChunks(codec, [body])).usage;
}

function modelOf(told: JsonObject | undefined, recording: Recording): string {
  const named = told?.["model"] ?? told?.["modelVersion"];
  if (typeof named === "string" && named !== "") return named;
  const { path, body } = recording.request;
  const inPath = /\/models\/([^/:]+)|\/model\/([^/]+)\//.exec(decodeURIComponent(path));
  const asked = parsed(body.toString())?.["model"];
  return inPath?.[1] ?? inPath?.[2] ?? (typeof asked === "string" ? asked : "");
}

function read(dialect: DialectId, recording: Recording, host: string): UsageRecording {
  const { response } = recording;
  const type = response.headers["content-type"] ?? "";
  const isStream = /event-?stream/.test(type);
  const told = isStream ? toldByStream(dialect, response.body) : parsed(response.body.toString());
  return {
    id: recording.id,
    dialect,
    host,
    path: recording.request.path,
    model: modelOf(told, recording),
    told: toldUsage(told) === undefined ? undefined : told,
    usage: readByGateway(dialect, response.body, isStream),
    isStream,
  };
}

/** The vendor's usage object, by whichever name; undefined: it told none. */
export function toldUsage(told: JsonObject | undefined): JsonObject | undefined {
  const usage = told?.["usage"] ?? told?.["usageMetadata"];
  return isObject(usage) ? usage : undefined;
}

/** Replies that answer (no errors, counts or lists of models). Undefined: the checkout has none. */
export function loadUsageRecordings(): UsageRecording[] | undefined {
  if (loadRecordings("openai-chat") === undefined) return undefined;
  const recorded = protocols.flatMap(([file, dialect]) =>
    (loadRecordings(file) ?? [])
      .filter(({ request, response }) => response.status === 200 && isAnswer(request.path))
      .map((recording) => read(dialect, recording, recording.request.host ?? "")),
  );
  const vendors = packages.flatMap(([folder, api, host]) =>
    (loadVendorExchanges(folder, api) ?? []).map((one) => read(apis[api], one, host)),
  );
  return [...recorded, ...embeddings(), ...vendors];
}

/** The API of embeddings that a host speaks; undefined: one that is only translated. */
const embeddingApis: readonly (readonly [host: RegExp, dialect: DialectId])[] = [
  [/openai\.com$|voyageai\.com$/, "openai-chat"],
  [/generativelanguage/, "gemini-content"],
];

function embeddings(): UsageRecording[] {
  return (loadRecordings("embeddings") ?? [])
    .filter(({ request, response }) => response.status === 200 && embeds.test(request.path))
    .flatMap((recording) => {
      const { host = "" } = recording.request;
      const dialect = embeddingApis.find(([pattern]) => pattern.test(host))?.[1];
      return dialect === undefined ? [] : [read(dialect, recording, host)];
    });
}

const embeds = /\/embeddings$|:(embedContent|batchEmbedContents)$/;
const answers =
  /\/(chat\/completions|responses|responses\/compact|messages|converse|converse-stream|chat|invoke)$|:(generateContent|streamGenerateContent)$/;

function isAnswer(path: string): boolean {
  return answers.test(path.split("?")[0] ?? "");
}
