/**
 * What a public API's dialect can do: pure functions over bytes, no HTTP library, no clock.
 * Promise kept here: a body or event that needs no edit is handed on as the same bytes.
 */
import type { GatewayError } from "../core/errors.ts";
import type { ByteRange, MemberScan } from "../core/json.ts";
import type { JsonObject } from "../core/json-value.ts";
import type { FrontId, HeaderMap, Operation } from "../wire/call.ts";
import type { MediaPart } from "../wire/conversation.ts";
import type { Usage, UsageKinds } from "../wire/usage.ts";
import type { FrontCodec } from "./codec.ts";
import type { MediaFront } from "./media-codec.ts";
import type { QuirkId } from "./quirk-ids.ts";

/** Language of messages to callers. */
export type Locale = "en" | "zh_CN";

/** What `parse` reads. */
export interface ParseInput {
  readonly operation: Operation;
  readonly body: Buffer;
  /** Model named by the path. */
  readonly pathModel?: string;
  /** What Gemini's paths name behind the model. */
  readonly pathAction?: string;
  readonly query: HeaderMap;
}

/** What the steps need to know of a request's body. */
export interface CallFacts {
  /** Named by the path where it names one, else by the body. */
  readonly model: string;
  /** The body's own; null: it names none. */
  readonly bodyModel: string | null;
  readonly stream: boolean;
  /** How the caller wants the stream: events, or one JSON array (Gemini without `alt=sse`). */
  readonly streamForm: "sse" | "json-array";
  /** Whether the caller asked for usage in the stream, or its dialect always tells it. */
  readonly usageAsked: boolean;
  /** Whether tools are offered (channels may be kept to plain chat). */
  readonly usesTools: boolean;
  /** The caller's own name for its end user. */
  readonly endUser: string | null;
  /** The caller's limit of output tokens, in whichever spelling. */
  readonly maxOutputTokens: number | null;
  /** How many answers are asked for; left out: one. */
  readonly answers?: number;
  /** Where the members that were read stand in the body. */
  readonly scan: MemberScan;
}

/** Everything that may differ between the caller's body and the one sent. */
export interface BodyEdits {
  /** Name that is sent. */
  readonly model: string;
  /** Ask the upstream to tell usage in its stream. */
  readonly askUsage: boolean;
  /** Members that the channel puts over the caller's. */
  readonly parameters: JsonObject;
  /** Members that the channel adds where the caller has none of the name. */
  readonly extraBody: JsonObject;
  /** Instructions that the channel adds; null: none. */
  readonly systemPrompt: SystemPrompt | null;
  /** Members that this endpoint does not take (Anthropic's `model` on Bedrock); cut out. */
  readonly omit: readonly string[];
  /** Members that this endpoint wants (`anthropic_version`); put over the caller's. */
  readonly add: JsonObject;
  /** What this vendor does its own way; left out: nothing. */
  readonly quirks?: readonly QuirkId[];
  /** What stands at the URLs that the body names media by, put inline; left out: they stay. */
  readonly inline?: ReadonlyMap<string, InlineFile>;
}

/** Media that a body names by URL. */
export interface MediaUrl {
  /** `messages[2].content[0].source.url` */
  readonly field: string;
  readonly url: string;
  readonly medium: MediaPart["medium"];
}

/** A file in base64. */
export interface InlineFile {
  readonly mediaType: string;
  readonly data: string;
}

/** Instructions that a channel adds to every conversation. */
export interface SystemPrompt {
  readonly text: string;
  /** Before the caller's own instructions, behind them, or only where the caller gives none. */
  readonly place: "before" | "after" | "if-none";
}

/**
 * `preamble`: nothing the caller can use yet (role, pings, comments). `content`: text, reasoning or a tool call.
 * `finish`: a finish reason. `usage`: the event that only tells usage. `done`: the terminator.
 */
export type EventKind = "preamble" | "content" | "finish" | "error" | "usage" | "done";

/** What one stream event tells. A reader answers the same object each time; read it before the next event. */
export interface EventReading {
  kind: EventKind;
  hasUsage: boolean;
  /** Bytes of generated text, for the estimate where no usage comes. */
  textBytes: number;
  /** Range of the model's name (with its quotes) within the event; start -1: none. */
  modelStart: number;
  modelEnd: number;
  /** Range of the id of the item that the event tells of (with its quotes); left out or -1: none. */
  itemStart?: number;
  itemEnd?: number;
  /** Whether other ids of things that outlive the call may stand in the event; left out: they may. */
  mayHoldIds?: boolean;
}

/** Reads a stream's events one by one. */
export type ReadEvent = (event: Buffer) => EventReading;

/** What a whole reply tells. */
export interface ReplyFacts {
  readonly usage: Usage | null;
  /** The reply's own name of the model. */
  readonly model: string | null;
  readonly modelRange: ByteRange | null;
  /** Whether the reply is an error in spite of its status, or answers nothing at all. */
  readonly isError: boolean;
}

/** An upstream's error body, as far as it could be understood. */
export interface UpstreamError {
  readonly message: string;
  readonly type: string | null;
  readonly code: string | null;
  /** Whether the body has this dialect's own shape, so that it can be passed on as it is. */
  readonly native: boolean;
  /** Seconds that the body (not a header) asks to wait: Google's RetryInfo. */
  readonly retryAfterS?: number;
}

/** A reply made by us. */
export interface RenderedReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** One model as listed to a caller. */
export interface ListedModel {
  readonly id: string;
  readonly ownedBy: string;
}

/** Where a page stands in the whole list. */
export interface ModelPage {
  /** Whether models follow (where the caller goes backwards: precede). */
  readonly hasMore: boolean;
  /** What asks for the next page, in dialects that page by tokens; null: there is none. */
  readonly nextToken: string | null;
}

/** How an error is told. */
export interface Telling {
  readonly locale: Locale;
  /** Empty: not told. */
  readonly requestId: string;
}

/** Reads batches as their vendor tells of them, so that their end is charged by what it says. */
export interface BatchReader {
  /** Where the requests stand: lines of a file that the body names, or members of the body itself. */
  inputOf(body: Buffer): BatchInput;
  /** One request: a line of the file, or a member of the body. Undefined: it is none. */
  readRequest(line: Buffer, input: BatchInput): BatchRequest | undefined;
  /** From the batch's own document. */
  readState(document: JsonObject): BatchState;
  /** One line of the results; undefined: it used nothing. */
  readResult(line: Buffer): BatchResult | undefined;
}

export interface BatchInput {
  /** The vendor's own id of the file; null: the requests stand in the body. */
  readonly file: string | null;
  /** Each request of the body, as it stands there; empty where a file has them. */
  readonly requests: readonly Buffer[];
  /** Path that all requests go to (`/v1/chat/completions`), where the body says so; null: each line says it. */
  readonly path: string | null;
}

export interface BatchRequest {
  /** The caller's own name for it; empty: none. */
  readonly name: string;
  readonly dialect: FrontId;
  readonly operation: Operation;
  /** As its own call would have it. */
  readonly body: Buffer;
}

export interface BatchState {
  /** Nothing of it runs any more, whatever became of it. */
  readonly ended: boolean;
  /** Where its results lie: in a file by the vendor's own id, behind the batch's own path; null: there are none. */
  readonly results: { readonly file: string } | { readonly tail: string } | null;
  /** What all requests used together, where the document tells it: for results that are gone. */
  readonly told: BatchResult | null;
}

export interface BatchResult {
  readonly name: string;
  /** The vendor's name of the model that answered; null: it is not told. */
  readonly model: string | null;
  /** With `serviceTier` "batch". */
  readonly usage: Usage;
}

export interface Dialect {
  readonly id: FrontId;
  /** How conversations are translated for callers of this dialect; null: it has none. */
  readonly front: FrontCodec | null;
  /** How media and rerank are translated for callers of this dialect; left out: they are not. */
  readonly media?: MediaFront;
  /** Members that a channel's parameters cannot change: the gateway answers for them. */
  readonly reservedParameters: readonly string[];
  /** Throws `invalid_request`, naming the field. */
  parse(input: ParseInput): CallFacts;
  edit(body: Buffer, facts: CallFacts, edits: BodyEdits): Buffer;
  /** Media that `edit` can put inline; left out: it puts none. */
  readonly findMediaUrls?: (body: Buffer, facts: CallFacts) => readonly MediaUrl[];
  makeEventReader(): ReadEvent;
  /** The model's name told by an event; null: none. */
  eventModel(event: Buffer, reading: EventReading): string | null;
  /** Usage told by an event, joined with what an earlier event of the stream told; null: none that counts anything. */
  eventUsage(event: Buffer, earlier: Usage | null): Usage | null;
  /** Whether each event tells usage of its own part alone, so that none may be left out; left out: the last tells all. */
  readonly usageAddsUp?: true;
  /** The error told by an event of kind `error`. */
  eventError(event: Buffer): UpstreamError;
  /** Undefined: not a whole reply of this dialect. */
  readReply(body: Buffer): ReplyFacts | undefined;
  readError(body: Buffer): UpstreamError;
  /** Bytes of text in a request or reply body, media left out: for the estimate where no usage comes. */
  textBytes(body: Buffer): number;
  /** What a request itself counts in units of its own (characters to be spoken); left out: nothing. */
  readonly requestKinds?: (operation: Operation, body: Buffer) => UsageKinds | undefined;
  renderError(error: GatewayError, telling: Telling): RenderedReply;
  /** The error as the last event of a stream that has begun; no terminator follows. */
  renderErrorEvent(error: GatewayError, telling: Telling): Buffer;
  /** A comment that keeps connections alive and changes nothing. */
  readonly ping: Buffer;
  /** One page of the list; `page` left out: all of it. */
  renderModels(models: readonly ListedModel[], page?: ModelPage): RenderedReply;
  renderModel(model: ListedModel): RenderedReply;
  /** How its batches are read; left out: the dialect has none that are. */
  readonly batches?: BatchReader;
  /** The answer of `count-tokens`, counted by the gateway; left out: the dialect has no such operation. */
  renderTokenCount?(inputTokens: number): RenderedReply;
}
