/**
 * Takes a reply that is one JSON object of another dialect than the caller's.
 * Promise kept here: an error under a status of success is an error.
 */
import { GatewayError, toGatewayError } from "../core/errors.ts";
import type { JsonObject } from "../core/json-value.ts";
import type { UpstreamExchange } from "../upstream/upstream.ts";
import type { ReplyError } from "../wire/chat-reply.ts";
import type { BodyTaker, Settle } from "./ending.ts";
import { type AttemptFailure, brokenExchange, toldReplyError } from "./failure.ts";
import { Pieces, goneUnanswered, maxReplyBytes } from "./whole-reply.ts";

/** How one reply is read and told. */
export interface WholeTurn<Reply> {
  /** Throws `upstream_invalid` for what is no reply. */
  decode(parsed: JsonObject): Reply;
  decodeError(body: Buffer): ReplyError;
  /** Tells the caller and settles the attempt. */
  tell(reply: Reply): void;
}

function parseObject(body: Buffer): JsonObject | undefined {
  try {
    const parsed: unknown = JSON.parse(body.toString());
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed))
      return parsed as JsonObject;
  } catch {
    // Told by the caller of this, as for JSON that is no object.
  }
  return undefined;
}

export class WholeJson<Reply> implements BodyTaker {
  readonly #turn: WholeTurn<Reply>;
  readonly #settle: Settle;
  readonly #pieces = new Pieces(maxReplyBytes);

  constructor(turn: WholeTurn<Reply>, settle: Settle) {
    this.#turn = turn;
    this.#settle = settle;
  }

  onChunk(chunk: Buffer, exchange: UpstreamExchange): void {
    if (this.#pieces.add(chunk)) return;
    exchange.cancel();
    this.#invalid(`the reply is larger than ${maxReplyBytes} bytes`);
  }

  onEnd(): void {
    const body = this.#pieces.join();
    const parsed = parseObject(body);
    if (parsed === undefined) return this.#invalid("the reply is not the JSON it should be");
    let reply: Reply;
    try {
      reply = this.#turn.decode(parsed);
    } catch (thrown) {
      return this.#fail(this.#undecoded(body, parsed, thrown));
    }
    try {
      this.#turn.tell(reply);
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

  /** What is no reply may be an error that the vendor tells under a status of success. */
  #undecoded(body: Buffer, parsed: JsonObject, thrown: unknown): AttemptFailure {
    const told = this.#turn.decodeError(body);
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
