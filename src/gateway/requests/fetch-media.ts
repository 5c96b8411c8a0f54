/**
 * Fetches the media that a call names by URL, for upstreams that take them only inline: each once a call, whichever
 * channels are tried. Promises kept here: a failure names the caller's own field and tells nothing of inner networks;
 * what is fetched is bounded for a file, a call and the process.
 */
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { InlineFile, MediaUrl } from "../../dialects/contract.ts";
import type { FetchPublic, FetchRefused } from "../../upstream/fetch-public.ts";
import type { OverSignal } from "../../wire/call.ts";
import type { Conversation, MediaPart, Message } from "../../wire/conversation.ts";
import { findUrlField } from "./find-url-field.ts";
import { type Sniffed, sniffMedia } from "./sniff-media.ts";

const megabyte = 1024 * 1024;
const maxFileBytes = 20 * megabyte;
const maxCallBytes = 32 * megabyte;
const maxUrls = 20;

/** What stays the same through all calls. */
export interface MediaFetcher {
  open(call: FetchingCall): CallMedia;
}

export interface FetchingCall {
  readonly signal: OverSignal;
  /** The caller's body, to name its fields. */
  body(): JsonObject;
}

/** Makes it once a process: `maxHeldBytes` bounds what all running calls have fetched together. */
export function makeMediaFetcher(parts: {
  readonly fetchPublic: FetchPublic;
  readonly maxHeldBytes: number;
}): MediaFetcher {
  let held = 0;
  const hold: Hold = {
    take: (bytes) => {
      if (held + bytes > parts.maxHeldBytes) return false;
      held += bytes;
      return true;
    },
    give: (bytes) => void (held -= bytes),
  };
  return { open: (call) => new CallMedia(parts.fetchPublic, hold, call) };
}

interface Hold {
  take(bytes: number): boolean;
  give(bytes: number): void;
}

type Fetched = Sniffed & InlineFile;

type UrlPart = MediaPart & { readonly source: { readonly kind: "url" } };

const isWebUrl = (url: string): boolean => /^https?:/i.test(url);

/** Whether a part is media at an http or https URL. */
function isWebMedia(part: MediaPart): part is UrlPart {
  return part.source.kind === "url" && isWebUrl(part.source.url);
}

/** The media of one call. */
export class CallMedia {
  readonly #fetchPublic: FetchPublic;
  readonly #hold: Hold;
  readonly #call: FetchingCall;
  readonly #files = new Map<string, Promise<Fetched | GatewayError>>();
  /** Where URLs stand in the caller's body, as far as that is known. */
  readonly #fields = new Map<string, string>();
  #bytes = 0;
  #closed = false;

  constructor(fetchPublic: FetchPublic, hold: Hold, call: FetchingCall) {
    this.#fetchPublic = fetchPublic;
    this.#hold = hold;
    this.#call = call;
  }

  /**
   * The conversation with the wanted parts inline; undefined: there are none. Rejects with `invalid_request` naming the
   * field, `temporarily_unavailable`, `caller_gone`.
   */
  inline(
    conversation: Conversation,
    isWanted: (part: MediaPart) => boolean,
  ): Promise<Conversation> | undefined {
    const wanted = conversation.messages
      .flatMap(mediaOf)
      .filter((part): part is UrlPart => isWebMedia(part) && isWanted(part));
    return wanted.length === 0 ? undefined : this.#inline(conversation, wanted);
  }

  /** What stands at the URLs that a body names, by URL; undefined: none is on the web. Rejects as {@link inline}. */
  files(named: readonly MediaUrl[]): Promise<ReadonlyMap<string, InlineFile>> | undefined {
    const wanted = named.filter(({ url }) => isWebUrl(url));
    return wanted.length === 0 ? undefined : this.#named(wanted);
  }

  /** Forgets what was fetched; what still comes is not kept. */
  close(): void {
    this.#closed = true;
    this.#files.clear();
    this.#hold.give(this.#bytes);
    this.#bytes = 0;
  }

  async #inline(conversation: Conversation, wanted: readonly UrlPart[]): Promise<Conversation> {
    const files = await this.#fetchAll(wanted.map(({ source }) => source.url));
    const inlined = new Map<MediaPart, MediaPart>();
    for (const part of wanted) {
      const file = files.get(part.source.url);
      if (file !== undefined) inlined.set(part, this.#inlinePart(part, file));
    }
    const messages = conversation.messages.map((message) => withMedia(message, inlined));
    return { ...conversation, messages };
  }

  async #named(wanted: readonly MediaUrl[]): Promise<ReadonlyMap<string, InlineFile>> {
    for (const { url, field } of wanted) if (!this.#fields.has(url)) this.#fields.set(url, field);
    const files = await this.#fetchAll(wanted.map(({ url }) => url));
    for (const { url, medium, field } of wanted) {
      const file = files.get(url);
      if (file !== undefined && file.medium !== medium)
        throw refusal(field, `leads to ${file.mediaType}, which is no ${medium}`);
    }
    return files;
  }

  async #fetchAll(named: readonly string[]): Promise<ReadonlyMap<string, Fetched>> {
    const urls = [...new Set(named)];
    const surplus = urls[maxUrls];
    if (surplus !== undefined)
      throw this.#refuse(surplus, `is one URL too many: ${maxUrls} are fetched for a call`);
    const files = new Map<string, Fetched>();
    const all = urls.map(async (url) => [url, await this.#file(url)] as const);
    for (const [url, file] of await Promise.all(all)) {
      if (file instanceof GatewayError) throw file;
      files.set(url, file);
    }
    this.#takeCopies(named, files);
    return files;
  }

  /** What is named several times goes up as often: a small body could grow to gigabytes. */
  #takeCopies(named: readonly string[], files: ReadonlyMap<string, Fetched>): void {
    let bytes = 0;
    for (const url of named) {
      bytes += Buffer.byteLength(files.get(url)?.data ?? "", "base64");
      if (bytes > maxCallBytes) throw this.#refuse(url, reasons.budget);
    }
    // An earlier attempt may have taken as much.
    const more = bytes - this.#bytes;
    if (this.#closed || more <= 0) return;
    if (!this.#hold.take(more)) throw tooMuchHeld();
    this.#bytes += more;
  }

  #file(url: string): Promise<Fetched | GatewayError> {
    const known = this.#files.get(url);
    if (known !== undefined) return known;
    const file = this.#fetch(url);
    this.#files.set(url, file);
    return file;
  }

  async #fetch(url: string): Promise<Fetched | GatewayError> {
    let bytes = 0;
    let full: "call" | "process" | undefined;
    const { signal } = this.#call;
    const got = await this.#fetchPublic({
      url,
      signal,
      maxBytes: maxFileBytes,
      take: (more) => {
        if (this.#closed) return false;
        if (this.#bytes + more > maxCallBytes) full = "call";
        else if (!this.#hold.take(more)) full = "process";
        if (full !== undefined) return false;
        bytes += more;
        this.#bytes += more;
        return true;
      },
    });
    const seen = got.kind === "file" ? sniffMedia(got.body, got.contentType) : undefined;
    if (got.kind === "file" && seen !== undefined)
      return { ...seen, data: got.body.toString("base64") };
    if (!this.#closed) this.#give(bytes);
    if (got.kind === "file")
      return this.#refuse(url, "leads to no image, document, audio or video of a known type");
    if (full === "process") return tooMuchHeld();
    if (got.reason === "gone") return new GatewayError("caller_gone", "The caller left");
    return this.#refuse(url, reasonOf(got));
  }

  #give(bytes: number): void {
    this.#bytes -= bytes;
    this.#hold.give(bytes);
  }

  /** What comes may be of another kind than the place it is named in, where the caller did not say what it is. */
  #inlinePart(part: UrlPart, file: Fetched): MediaPart {
    const { medium, mediaType, data } = file;
    const free = part.medium === "document" && part.source.mediaType === null;
    if (medium !== part.medium && !free)
      throw this.#refuse(part.source.url, `leads to ${mediaType}, which is no ${part.medium}`);
    return { ...part, medium, source: { kind: "data", mediaType, data } };
  }

  #refuse(url: string, why: string): GatewayError {
    return refusal(this.#fields.get(url) ?? findUrlField(this.#call.body(), url), why);
  }
}

function tooMuchHeld(): GatewayError {
  const message = "Too many media are being fetched";
  return new GatewayError("temporarily_unavailable", message, { retryAfterS: 1 });
}

function refusal(field: string, why: string): GatewayError {
  const message = `\`${field}\` ${why}`;
  const told = { fields: [{ field, message }], values: { detail: message } };
  return new GatewayError("invalid_request", message, told);
}

const reasons: Readonly<Record<Exclude<FetchRefused["reason"], "status" | "gone">, string>> = {
  url: "is, or leads to, no http or https URL",
  credentials: "must not hold a user name or password",
  port: "must not name a port other than 80 and 443",
  host: "could not be fetched: its host is not on the public internet, or does not answer",
  redirects: "redirects too often",
  encoding: "was sent compressed, which is not read",
  size: `leads to more than ${maxFileBytes / megabyte} MB`,
  budget: `leads to more than the ${maxCallBytes / megabyte} MB that are fetched for a call`,
  slow: "did not come within 10 seconds",
};

function reasonOf({ reason, status }: FetchRefused): string {
  if (reason === "status") return `was answered with status ${status ?? 0}`;
  return reason === "gone" ? reasons.slow : reasons[reason];
}

function mediaOf(message: Message): MediaPart[] {
  return message.parts.flatMap((part): MediaPart[] => {
    if (part.kind === "media") return [part];
    if (part.kind !== "tool-result") return [];
    return part.content.filter((one) => one.kind === "media");
  });
}

/** The message with some of its media replaced; the same one where none are. */
function withMedia(message: Message, inlined: ReadonlyMap<MediaPart, MediaPart>): Message {
  if (!mediaOf(message).some((part) => inlined.has(part))) return message;
  const put = <Part extends { readonly kind: string }>(part: Part): Part =>
    (inlined.get(part as unknown as MediaPart) as Part | undefined) ?? part;
  if (message.role === "system") return message;
  if (message.role === "user") return { ...message, parts: message.parts.map(put) };
  if (message.role === "assistant") return { ...message, parts: message.parts.map(put) };
  return {
    ...message,
    parts: message.parts.map((part) => ({ ...part, content: part.content.map(put) })),
  };
}
