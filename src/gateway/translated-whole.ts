/**
 * Turns an upstream's whole reply into the caller's dialect: whole, or as a stream where one was asked for.
 * Promise kept here: an error under a status of success is an error.
 */
import { GatewayError, toGatewayError } from "../core/errors.ts";
import type { JsonObject } from "../core/json-value.ts";
import type { UpstreamExchange } from "../upstream/upstream.ts";
import type { ChatReply } from "../wire/chat-reply.ts";
import type { BodyTaker, Settle } from "./ending.ts";
import { type AttemptFailure, brokenExchange, toldReplyError } from "./failure.ts";
import { readContext, replyContext } from "./reply-context.ts";
import { replyEvents } from "./reply-events.ts";
import { EventTeller, type TranslatedParts } from "./translated-stream.ts";
import { Pieces, goneUnanswered, maxReplyBytes } from "./whole-reply.ts";

function parseObject(body: Buffer): JsonObject | undefined {
  try {
    const parsed: unknown = JSON.parse(body.toString());
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed))
      return parsed as JsonObject;
  } catch {
    // Told below, as for JSON that is no object.
  }
  return undefined;
}

/** Bytes of text of an answer, for the estimate where no usage is told. */
function textBytesOf(reply: ChatReply): number {
  const parts = reply.choices.flatMap((choice) => choice.parts);
  return parts.reduce((sum, part) => {
    if (part.kind === "tool-call") return sum + Buffer.byteLength(part.arguments);
    return "text" in part ? sum + Buffer.byteLength(part.text) : sum;
  }, 0);
}

export class TranslatedWhole implements BodyTaker {
  readonly #parts: TranslatedParts;
  readonly #settle: Settle;
  readonly #pieces = new Pieces(maxReplyBytes);

  constructor(parts: TranslatedParts, settle: Settle) {
    this.#parts = parts;
    this.#settle = settle;
  }

  onChunk(chunk: Buffer, exchange: UpstreamExchange): void {
    if (this.#pieces.add(chunk)) return;
    exchange.cancel();
    this.#invalid(`the reply is larger than ${maxReplyBytes} bytes`);
  }

  onEnd(): void {
    const { attempt, translation } = this.#parts;
    const body = this.#pieces.join();
    const parsed = parseObject(body);
    if (parsed === undefined) return this.#invalid("the reply is not the JSON it should be");
    let reply: ChatReply;
    try {
      reply = translation.codec.decodeReply(parsed, readContext(attempt));
    } catch (thrown) {
      return this.#fail(this.#undecoded(body, parsed, thrown));
    }
    try {
      if (attempt.call.facts.stream) this.#tellStream(reply);
      else this.#tellWhole(reply);
    } catch (thrown) {
      this.#fail(brokenExchange(toGatewayError(thrown)));
    }
  }

  onError(error: GatewayError): void {
    this.#fail(brokenExchange(error));
  }

  onGone(): boolean {
    this.#settle(goneUnanswered);
    return false;
  }

  onDrain(): void {
    this.onError(new GatewayError("temporarily_unavailable", "this node is stopping"));
  }

  #tellWhole(reply: ChatReply): void {
    const { attempt, front, headers } = this.#parts;
    const { call } = attempt;
    const encoded = front.encodeReply(reply, replyContext(attempt, reply.model));
    const body = Buffer.from(JSON.stringify(encoded));
    const own = { "content-type": "application/json", "content-length": String(body.length) };
    call.reply.whole({ status: 200, headers: { ...headers, ...own }, body });
    this.#settle({
      kind: "answered",
      outcome: "complete",
      error: null,
      usage: reply.usage,
      textBytes: reply.usage === null ? textBytesOf(reply) : 0,
      modelReported: reply.model,
      firstContentAtMs: call.clock.monotonic(),
    });
  }

  #tellStream(reply: ChatReply): void {
    const teller = new EventTeller(this.#parts, this.#settle);
    for (const event of replyEvents(reply)) teller.tell(event);
  }

  /** What is no reply may be an error that the vendor tells under a status of success. */
  #undecoded(body: Buffer, parsed: JsonObject, thrown: unknown): AttemptFailure {
    const told = this.#parts.translation.codec.decodeError(body);
    const isTold = told.type !== null || told.code !== null || told.status !== null;
    const error = parsed["error"];
    if (isTold || (error !== undefined && error !== null)) return toldReplyError(told);
    return brokenExchange(toGatewayError(thrown));
  }

  #invalid(message: string): void {
    this.#fail(brokenExchange(new GatewayError("upstream_invalid", message)));
  }

  #fail(failure: AttemptFailure): void {
    this.#settle({ kind: "failed", failure });
  }
}
