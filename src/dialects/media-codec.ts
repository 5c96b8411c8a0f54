/**
 * How operations beside conversation are translated: a caller's dialect decodes requests and encodes replies, a vendor's
 * codec encodes requests and decodes replies; wire/media.ts stands between them. All of it is pure: no clock, no
 * randomness, no I/O. Which URL is called and whose credential travels is the gateway's affair.
 */
import type { JsonObject } from "../core/json-value.ts";
import type { HeaderMap, Operation } from "../wire/call.ts";
import type { ReplyError } from "../wire/chat-reply.ts";
import type { FormPart, MediaReply, MediaRequest } from "../wire/media.ts";
import type { Usage } from "../wire/usage.ts";

/** A caller's request, read whole. */
export interface MediaInput {
  readonly operation: Operation;
  /** Name the caller asked for. */
  readonly model: string;
  readonly stream: boolean;
  readonly query: HeaderMap;
  /** The JSON body, or the form's parts. */
  readonly body:
    | { readonly kind: "json"; readonly value: JsonObject }
    | { readonly kind: "form"; readonly parts: readonly FormPart[] };
}

/** What an encoder of replies needs beside the reply. */
export interface MediaReplyContext {
  readonly operation: Operation;
  readonly request: MediaRequest;
  /** Name shown to the caller. */
  readonly model: string;
  readonly callId: string;
  /** Seconds since 1970, where the upstream told none. */
  readonly createdAtS: number;
}

export interface EncodedReply {
  readonly contentType: string;
  readonly body: Buffer;
}

/** A dialect as the caller's side. */
export interface MediaFront {
  /** Throws `invalid_request` naming the field and the mend. */
  decodeRequest(input: MediaInput): MediaRequest;
  encodeReply(reply: MediaReply, context: MediaReplyContext): EncodedReply;
}

export interface MediaTarget {
  /** Name that is sent. */
  readonly model: string;
  /** The channel's settings. */
  readonly settings: Readonly<Record<string, string>>;
}

/** A request as a vendor wants it. */
export interface EncodedMedia {
  /** Put for `{name}` in the endpoint's path, percent-encoded by the gateway; a list is so many segments. */
  readonly path?: Readonly<Record<string, string | readonly string[]>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body:
    | { readonly kind: "json"; readonly value: JsonObject }
    | { readonly kind: "form"; readonly parts: readonly FormPart[] }
    | { readonly kind: "bytes"; readonly contentType: string; readonly data: Buffer };
  /** The reply's body is the media itself and passes on as it comes; `decodeReply` is not asked. */
  readonly bytesBack?: {
    /** Told in place of the vendor's own content type. */
    readonly mediaType: string;
    readonly usage: Usage | null;
  };
}

/** A vendor's reply with a status of success. */
export interface MediaAnswer {
  readonly headers: HeaderMap;
  readonly body: Buffer;
}

export interface MediaReadContext {
  readonly request: MediaRequest;
  readonly target: MediaTarget;
}

export type DecodedMedia =
  | { readonly kind: "reply"; readonly reply: MediaReply }
  /** Not finished: ask again at this URL of the vendor's own host, or at this path of it, after a while. */
  | { readonly kind: "pending"; readonly url: string; readonly afterMs: number }
  /** The vendor tells a failure in spite of its status. */
  | { readonly kind: "failed"; readonly error: ReplyError };

/** A vendor's API as the upstream's side. */
export interface MediaCodec {
  /** What it can be asked for. */
  readonly serves: readonly MediaRequest["kind"][];
  /** Throws `invalid_request` for what this vendor cannot do, naming the caller's field. */
  encodeRequest(request: MediaRequest, target: MediaTarget): EncodedMedia;
  /** Throws `upstream_invalid` where the reply lacks what every reply has. */
  decodeReply(answer: MediaAnswer, context: MediaReadContext): DecodedMedia;
  /** An error body, plain JSON or not. */
  decodeError(body: Buffer): ReplyError;
}
