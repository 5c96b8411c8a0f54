/** Takes an upstream's error reply and finds out what it means. */
import type { GatewayError } from "../../core/errors.ts";
import type { UpstreamExchange } from "../../upstream/upstream.ts";
import type { Attempt, BodyTaker, Settle } from "../exchange/ending.ts";
import { brokenExchange, fromReplyError, refusedReply } from "../exchange/failure.ts";
import { withSealed } from "../ids/seal-ids.ts";
import { Pieces, goneUnanswered } from "../exchange/held-reply.ts";

/** Of an error page no more is read. */
const maxErrorBytes = 1024 * 1024;

export interface RefusedHead {
  readonly status: number;
  /** Headers that may come down. */
  readonly headers: Readonly<Record<string, string>>;
  readonly retryAfterS: number | undefined;
}

/** Some servers tell back what they were sent: our credential must reach neither the caller nor the log. */
export function withoutSecret(body: Buffer, secret: string): Buffer {
  if (secret === "" || !body.includes(secret)) return body;
  return Buffer.from(body.toString().replaceAll(secret, "[redacted]"));
}

export class RefusedReply implements BodyTaker {
  readonly #attempt: Attempt;
  readonly #settle: Settle;
  readonly #head: RefusedHead;
  readonly #pieces = new Pieces(maxErrorBytes);

  constructor(attempt: Attempt, head: RefusedHead, settle: Settle) {
    this.#attempt = attempt;
    this.#head = head;
    this.#settle = settle;
  }

  onChunk(chunk: Buffer, exchange: UpstreamExchange): void {
    if (this.#pieces.add(chunk)) return;
    exchange.cancel();
    this.onEnd();
  }

  onEnd(): void {
    const { call, candidate, translation, turn, embedding } = this.#attempt;
    const told = withoutSecret(this.#pieces.join(), candidate.credential?.secret ?? "");
    const body = withSealed(told, call.state?.opened);
    const codec = turn?.codec ?? (translation ?? embedding)?.codec;
    const error =
      codec === undefined ? call.dialect.readError(body) : fromReplyError(codec.decodeError(body));
    const failure = refusedReply({ ...this.#head, told: error, body });
    this.#settle({ kind: "failed", failure });
  }

  /** The status was told; that its explanation broke off changes nothing. */
  onError(error: GatewayError): void {
    if (error.kind === "upstream_truncated") return this.onEnd();
    this.#settle({ kind: "failed", failure: brokenExchange(error) });
  }

  onGone(): boolean {
    this.#settle(goneUnanswered);
    return false;
  }

  onDrain(): void {
    this.onEnd();
  }
}
