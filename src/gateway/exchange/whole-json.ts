/**
 * Takes a reply that is one JSON object of another dialect than the caller's.
 * Promise kept here: an error under a status of success is an error.
 */
import { GatewayError, toGatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import { findObject } from "../../dialects/parse-object.ts";
import type { ReplyError } from "../../wire/chat-reply.ts";
import type { Settle } from "./ending.ts";
import { type AttemptFailure, brokenExchange, toldReplyError } from "./failure.ts";
import { HeldReply } from "./held-reply.ts";

/** How one reply is read and told. */
export interface WholeTurn<Reply> {
  /** Throws `upstream_invalid` for what is no reply. */
  decode(parsed: JsonObject): Reply;
  decodeError(body: Buffer): ReplyError;
  /** Tells the caller and settles the attempt. */
  tell(reply: Reply): void;
}

export class WholeJson<Reply> extends HeldReply {
  readonly #turn: WholeTurn<Reply>;

  constructor(turn: WholeTurn<Reply>, settle: Settle) {
    super(settle);
    this.#turn = turn;
  }

  onEnd(): void {
    const body = this.body();
    const parsed = findObject(body);
    if (parsed === undefined) return this.#invalid("the reply is not the JSON it should be");
    let reply: Reply;
    try {
      reply = this.#turn.decode(parsed);
    } catch (thrown) {
      return this.fail(this.#undecoded(body, parsed, thrown));
    }
    try {
      this.#turn.tell(reply);
    } catch (thrown) {
      this.fail(brokenExchange(toGatewayError(thrown)));
    }
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
    this.fail(brokenExchange(new GatewayError("upstream_invalid", message)));
  }
}
