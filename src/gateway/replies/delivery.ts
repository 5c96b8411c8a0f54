/**
 * The caller's end of one attempt's stream: events are held until one carries something, then handed on at once.
 * Promises kept here: until then the attempt can fail without a word to the caller; after it nothing is held back,
 * a slow reader slows the upstream, and a stream that broke is told as an error, with no terminator behind it.
 */
import type { GatewayError } from "../../core/errors.ts";
import { bytesPerToken } from "../../meter/estimate.ts";
import type { UpstreamExchange } from "../../upstream/upstream.ts";
import type { Usage } from "../../wire/usage.ts";
import type { Attempt, Settle } from "../exchange/ending.ts";
import { type AttemptFailure, brokenExchange } from "../exchange/failure.ts";

/** More preamble than this is sent on: no vendor has so much to say before its first word. */
const maxHeldBytes = 1024 * 1024;

/** What was measured of a stream when it ended. */
export interface Measured {
  readonly usage: Usage | null;
  /** Whether usage is that of the whole answer, not of its beginning. */
  readonly usageFinal: boolean;
  readonly textBytes: number;
  readonly modelReported: string | null;
  /** As {@link Answered} has them. */
  readonly runsOn?: string | undefined;
  readonly ranThere?: string | undefined;
}

/** Of an answer that was cut the vendor told only how it began: the output is what was seen of it, at least. */
function usageSoFar({ usage, usageFinal, textBytes }: Measured): Usage | null {
  if (usage === null || usageFinal) return usage;
  const output = Math.ceil(textBytes / bytesPerToken);
  return output > usage.output ? { ...usage, output, estimated: true } : usage;
}

export class Delivery {
  readonly #attempt: Attempt;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #settle: Settle;
  readonly #measure: () => Measured;
  /** Events to write: before the commit all that came, afterwards those of the chunk at hand. */
  #out: Buffer[] = [];
  #outBytes = 0;
  /** Whether `#out` is one unbroken piece of memory, which need not be copied together. */
  #unbroken = true;
  #firstContentAtMs: number | null = null;
  committed = false;
  settled = false;
  gone = false;

  constructor(
    attempt: Attempt,
    headers: Readonly<Record<string, string>>,
    settle: Settle,
    measure: () => Measured,
  ) {
    this.#attempt = attempt;
    this.#headers = headers;
    this.#settle = settle;
    this.#measure = measure;
  }

  /** Takes a whole event for the caller. */
  put(event: Buffer): void {
    const bytes = this.#attempt.call.reply.shape(event);
    const last = this.#out.at(-1);
    if (last !== undefined)
      this.#unbroken &&=
        bytes.buffer === last.buffer && bytes.byteOffset === last.byteOffset + last.length;
    this.#out.push(bytes);
    this.#outBytes += bytes.length;
    if (!this.committed && this.#outBytes > maxHeldBytes) this.commit();
  }

  /** From now on this attempt is the answer. */
  commit(): void {
    if (this.committed) return;
    this.committed = true;
    this.#firstContentAtMs = this.#attempt.call.clock.monotonic();
    this.#attempt.call.reply.begin(this.#headers);
  }

  /** Writes what was put since; pauses the upstream while the caller reads too slowly. */
  flush(exchange: UpstreamExchange): void {
    if (this.settled || !this.committed) return;
    const bytes = this.#takeOut();
    if (bytes === undefined || this.gone) return;
    const drained = this.#attempt.call.reply.write(bytes);
    if (drained === undefined) return;
    exchange.pause();
    void drained.then(() => exchange.resume());
  }

  /** The answer is whole; `lastWord`: what may still come behind its end. */
  complete(lastWord?: Promise<Buffer | undefined>): void {
    if (this.settled) return;
    this.commit();
    this.#attempt.call.reply.end(this.#takeOut(), lastWord);
    this.#end(this.gone ? "caller_gone" : "complete", null);
  }

  /** The upstream told an error; `event`: as the caller is to hear it, null: the gateway words it. */
  told(failure: AttemptFailure, event: Buffer | null): void {
    if (this.settled) return;
    if (!this.committed) return this.#fail(failure);
    if (event === null) return this.broken(failure.error);
    this.put(event);
    this.#attempt.call.reply.end(this.#takeOut());
    this.#end("cut", failure.error);
  }

  /** The stream broke: before the commit another channel may do better, afterwards the caller is told. */
  broken(error: GatewayError): void {
    if (this.settled) return;
    if (!this.committed) return this.#fail(brokenExchange(error));
    if (this.gone) return this.#end("caller_gone", null);
    const { reply } = this.#attempt.call;
    const bytes = this.#takeOut();
    if (bytes !== undefined) void reply.write(bytes);
    reply.fail(error);
    this.#end("cut", error);
  }

  /** The caller is gone; `waits`: the upstream is heard out for its usage. */
  leave(waits: boolean): boolean {
    if (this.settled) return false;
    this.gone = true;
    if (waits) return true;
    this.#end("caller_gone", null);
    return false;
  }

  #fail(failure: AttemptFailure): void {
    this.settled = true;
    this.#settle({ kind: "failed", failure });
  }

  #end(outcome: "complete" | "cut" | "caller_gone", error: GatewayError | null): void {
    this.settled = true;
    const measured = this.#measure();
    this.#settle({
      kind: "answered",
      outcome,
      error,
      usage: usageSoFar(measured),
      textBytes: measured.textBytes,
      modelReported: measured.modelReported,
      firstContentAtMs: this.#firstContentAtMs,
      ...(measured.runsOn === undefined ? {} : { runsOn: measured.runsOn }),
      ...(measured.ranThere === undefined ? {} : { ranThere: measured.ranThere }),
    });
  }

  /** What is to be written, as one piece; copied only where it is not one already. */
  #takeOut(): Buffer | undefined {
    const [first] = this.#out;
    if (first === undefined) return undefined;
    const piece =
      this.#out.length === 1
        ? first
        : this.#unbroken
          ? Buffer.from(first.buffer, first.byteOffset, this.#outBytes)
          : Buffer.concat(this.#out, this.#outBytes);
    this.#out = [];
    this.#outBytes = 0;
    this.#unbroken = true;
    return piece;
  }
}
