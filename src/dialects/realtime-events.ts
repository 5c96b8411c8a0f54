/**
 * Reads the events of OpenAI's realtime API by their bytes, in both directions, as far as routing and metering need.
 * Promise kept here: an event that needs no edit stays the same bytes; of what cannot be read nothing is guessed.
 */
import { GatewayError } from "../core/errors.ts";
import { type ByteRange, type MemberScan, readString, scanMembers, splice } from "../core/json.ts";
import type { Usage } from "../wire/usage.ts";
import type { Telling } from "./contract.ts";
import { makeUsage } from "./make-usage.ts";
import { errorFields } from "./openai-errors.ts";
import { makeUsageReader } from "./usage-number.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The name of a model within an event. */
export interface NamedModel {
  readonly name: string;
  readonly range: ByteRange;
  /** As a path: `session.model`. */
  readonly field: string;
}

/** What a caller's event tells. */
export interface ClientEvent {
  readonly type: string;
  readonly eventId: string | null;
  readonly models: readonly NamedModel[];
}

/** What an upstream's event tells. Everything that is not read is null. */
export interface ServerEvent {
  readonly type: string;
  readonly model: NamedModel | null;
  /** Of the response that it belongs to. */
  readonly responseId: string | null;
  /** Bytes of the text or the call's arguments that it brings; audio counts as none. */
  readonly textBytes: number;
  /** Whether it brings something that the caller can use. */
  readonly isContent: boolean;
  /** The whole event where its members are wanted (`session.*`, `response.done`, transcripts that are whole). */
  readonly fields: Fields | null;
}

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : {};
}

function textAt(data: Buffer, scan: MemberScan, name: string): string | null {
  const range = scan.members[name];
  return range === undefined ? null : (readString(data, range) ?? null);
}

/** The model named within one of the event's objects. */
function modelWithin(data: Buffer, scan: MemberScan, name: string): NamedModel | null {
  const within = scan.members[name];
  if (within === undefined || data[within.start] !== 0x7b) return null;
  const range = scanMembers(data, ["model"], within).members["model"];
  const model = range === undefined ? undefined : readString(data, range);
  return range === undefined || model === undefined
    ? null
    : { name: model, range, field: `${name}.model` };
}

/**
 * Throws `invalid_request` for what is no JSON object with a type, and for repeated members: what is checked here must
 * be what the upstream reads.
 */
export function readClientEvent(data: Buffer): ClientEvent {
  const scan = scanMembers(data, ["type", "event_id", "session", "response"]);
  const type = textAt(data, scan, "type");
  if (type === null) {
    const message = "The event must have a `type`";
    const fields = [{ field: "type", message: "must be a string" }];
    throw new GatewayError("invalid_request", message, { fields, values: { detail: message } });
  }
  const models = ["session", "response"].map((name) => modelWithin(data, scan, name));
  return {
    type,
    eventId: textAt(data, scan, "event_id"),
    models: models.filter((model) => model !== null),
  };
}

/** Events whose members are wanted whole; they are few and small. */
const wholeTypes: readonly string[] = [
  "session.created",
  "session.updated",
  "transcription_session.created",
  "transcription_session.updated",
  "response.created",
  "response.done",
  "conversation.item.input_audio_transcription.completed",
];

/** Undefined: it cannot be read. It goes on as it is: its reader is the caller. */
export function readServerEvent(data: Buffer): ServerEvent | undefined {
  try {
    const scan = scanMembers(data, ["type", "session", "response", "response_id", "delta"]);
    const type = textAt(data, scan, "type");
    if (type === null) return undefined;
    const fields = wholeTypes.includes(type) ? (JSON.parse(data.toString()) as Fields) : null;
    const delta = scan.members["delta"];
    const isDelta = delta !== undefined && type.startsWith("response.") && type.endsWith(".delta");
    const isAudio = type === "response.output_audio.delta" || type === "response.audio.delta";
    const deltaBytes = isDelta ? delta.end - delta.start - 2 : 0;
    const id = fieldsOf(fields?.["response"])["id"];
    return {
      type,
      model: modelWithin(data, scan, "session"),
      responseId: typeof id === "string" ? id : textAt(data, scan, "response_id"),
      textBytes: isAudio ? 0 : deltaBytes,
      isContent: deltaBytes > 0,
      fields,
    };
  } catch {
    return undefined;
  }
}

/** The event with other names of models in it. */
export function renameModels(data: Buffer, models: readonly NamedModel[], name: string): Buffer {
  return splice(
    data,
    models.map(({ range }) => ({ ...range, bytes: JSON.stringify(name) })),
  );
}

/** The model that writes down what the caller says, as a `session.*` event tells it; null: none. */
export function transcriptionModel(fields: Fields): string | null {
  const session = fieldsOf(fields["session"]);
  const current = fieldsOf(fieldsOf(session["audio"])["input"])["transcription"];
  const model = fieldsOf(current ?? session["input_audio_transcription"])["model"];
  return typeof model === "string" && model !== "" ? model.slice(0, 256) : null;
}

/** How a response ended, as `response.done` tells it. */
export interface EndedResponse {
  /** In the vendor's words: `completed`, `cancelled`, `incomplete`, `failed`; null: not told. */
  readonly status: string | null;
  /** What went wrong; null: nothing. */
  readonly problem: string | null;
  readonly usage: Usage | null;
}

export function endedResponse(fields: Fields): EndedResponse {
  const response = fieldsOf(fields["response"]);
  const { status } = response;
  const error = fieldsOf(fieldsOf(response["status_details"])["error"]);
  const told = error["message"] ?? error["code"] ?? error["type"];
  return {
    status: typeof status === "string" ? status : null,
    problem: status === "failed" ? (typeof told === "string" ? told : "the response failed") : null,
    usage: decodeRealtimeUsage(response["usage"]),
  };
}

/** Usage of a response, in which input includes what was read from a cache. Null where nothing was counted. */
export function decodeRealtimeUsage(usage: unknown): Usage | null {
  const fields = fieldsOf(usage);
  const reader = makeUsageReader();
  const all = reader.count(fields, "input_tokens") ?? 0;
  const inputs = fieldsOf(fields["input_token_details"]);
  const outputs = fieldsOf(fields["output_token_details"]);
  const parts = fieldsOf(inputs["cached_tokens_details"]);
  const cacheRead = Math.min(reader.count(inputs, "cached_tokens") ?? 0, all);
  const cached = (name: string): number => Math.min(reader.count(parts, name) ?? 0, cacheRead);
  const uncached = (name: string): number =>
    Math.max(0, (reader.count(inputs, name) ?? 0) - cached(name));
  return makeUsage(
    {
      input: all - cacheRead,
      cacheRead,
      output: reader.count(fields, "output_tokens"),
      reasoning: reader.count(outputs, "reasoning_tokens"),
      kinds: {
        inputAudio: uncached("audio_tokens"),
        inputImage: uncached("image_tokens"),
        cacheReadAudio: cached("audio_tokens"),
        cacheReadImage: cached("image_tokens"),
        outputAudio: reader.count(outputs, "audio_tokens"),
      },
      raw: usage,
    },
    reader,
  );
}

/** Usage of writing down what the caller said: tokens, or seconds of sound. Null where nothing was counted. */
export function transcriptionUsage(fields: Fields): Usage | null {
  const usage = fieldsOf(fields["usage"]);
  if (usage["type"] !== "duration") return decodeRealtimeUsage(usage);
  const reader = makeUsageReader();
  return makeUsage({ kinds: { seconds: reader.seconds(usage, "seconds") }, raw: usage }, reader);
}

/** An error as this API tells it; the connection stays. `aboutEvent`: the caller's event that is at fault. */
export function renderRealtimeError(
  error: GatewayError,
  telling: Telling,
  ids: { readonly eventId: string; readonly aboutEvent: string | null },
): Buffer {
  const { type, code, message, param } = errorFields(error, telling);
  return Buffer.from(
    JSON.stringify({
      type: "error",
      event_id: ids.eventId,
      error: { type, code, message, param, event_id: ids.aboutEvent },
    }),
  );
}
