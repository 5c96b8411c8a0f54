/**
 * A library's WebSocket with the manners that both ends need: senders wait for slow readers, standing ones are cut off,
 * dead connections are noticed. Promise kept here: what is unsent stays bounded, and the end is told exactly once.
 */
import type { Cancel, Clock } from "../core/clock.ts";
import type { Socket, SocketListener, SocketMessage } from "./socket.ts";

/** What is used of a library's socket once it is open. */
export interface RawSocket {
  readonly bufferedAmount: number;
  send(
    data: Buffer,
    options: { readonly binary: boolean; readonly compress: false },
    sent: (error?: Error | null) => void,
  ): void;
  ping(): void;
  pause(): void;
  resume(): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
  on(event: "message", listener: (data: Buffer, isBinary: boolean) => void): unknown;
  on(event: "close", listener: (code: number, reason: Buffer) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "pong" | "ping", listener: () => void): unknown;
}

/** Unsent bytes above which senders wait. */
const highWaterBytes = 1024 * 1024;
/** Unsent bytes of one who does not wait above which the connection is given up. */
const maxUnsentBytes = 64 * 1024 * 1024;
/** How long a reader may stand still while somebody waits for it. */
const stalledMs = 60_000;
/** Pause between pings; whoever is silent through two of them is gone. */
const pingMs = 30_000;
const maxReasonBytes = 123;

/** Try again later: the reader did not keep up. */
const tooSlowCode = 1013;
const brokenCode = 1006;
const noCode = 1005;

/** Codes that a close frame may carry. */
function isSendable(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && ![1004, noCode, brokenCode].includes(code);
}

/** As much of a text as a close frame holds, cut between characters. */
function fitReason(reason: string): string {
  let text = reason;
  while (Buffer.byteLength(text) > maxReasonBytes) text = [...text].slice(0, -1).join("");
  return text;
}

export class ManagedSocket implements Socket {
  readonly #raw: RawSocket;
  readonly #clock: Clock;
  #listener: SocketListener | undefined;
  /** What came before anybody listened. */
  #early: SocketMessage[] = [];
  #ended: { readonly code: number; readonly reason: string } | undefined;
  #closing = false;
  #paused = false;
  #wakes: (() => void)[] = [];
  #cancelStall: Cancel = () => undefined;
  #cancelPing: Cancel = () => undefined;
  #silentPings = 0;

  /** Starts paused: nothing is read before `listen`. */
  constructor(raw: RawSocket, clock: Clock) {
    this.#raw = raw;
    this.#clock = clock;
    this.pause();
    raw.on("message", (data, isBinary) => this.#onMessage({ data, isBinary }));
    raw.on("close", (code, reason) => this.#onClose(code, reason.toString()));
    // Whatever goes wrong is followed by the close.
    raw.on("error", () => undefined);
    raw.on("pong", () => (this.#silentPings = 0));
    raw.on("ping", () => (this.#silentPings = 0));
    this.#pingLater();
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
    for (const message of this.#early.splice(0)) listener.onMessage(message);
    if (this.#ended === undefined) this.resume();
    else listener.onClose(this.#ended.code, this.#ended.reason);
  }

  send({ data, isBinary }: SocketMessage): Promise<void> | undefined {
    if (this.#closing) return undefined;
    this.#raw.send(data, { binary: isBinary, compress: false }, () => this.#onSent());
    const unsent = this.#raw.bufferedAmount;
    if (unsent <= highWaterBytes) return undefined;
    if (unsent > maxUnsentBytes) {
      this.#giveUp();
      return undefined;
    }
    return new Promise((resolve) => {
      this.#wakes.push(resolve);
      if (this.#wakes.length === 1) this.#watchStall();
    });
  }

  pause(): void {
    this.#paused = true;
    this.#raw.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#silentPings = 0;
    this.#raw.resume();
  }

  close(code: number, reason: string): void {
    if (this.#closing) return;
    this.#closing = true;
    // The answer to the close frame has to be read.
    this.#raw.resume();
    if (code === noCode) this.#raw.close();
    else if (isSendable(code)) this.#raw.close(code, fitReason(reason));
    else this.#raw.close(1011, fitReason(reason));
    this.#wake();
  }

  /** Ends it at once, without a word. */
  terminate(): void {
    this.#closing = true;
    this.#raw.terminate();
  }

  #onMessage(message: SocketMessage): void {
    this.#silentPings = 0;
    if (this.#ended !== undefined) return;
    if (this.#listener === undefined) this.#early.push(message);
    else this.#listener.onMessage(message);
  }

  #onClose(code: number, reason: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = { code, reason };
    this.#closing = true;
    this.#cancelPing();
    this.#wake();
    this.#listener?.onClose(code, reason);
  }

  #onSent(): void {
    if (this.#wakes.length === 0) return;
    if (this.#raw.bufferedAmount <= highWaterBytes) this.#wake();
    else this.#watchStall();
  }

  #wake(): void {
    this.#cancelStall();
    for (const wake of this.#wakes.splice(0)) wake();
  }

  #watchStall(): void {
    this.#cancelStall();
    this.#cancelStall = this.#clock.after(stalledMs, () => this.#giveUp());
  }

  /** The close frame stands behind all that is unsent: it is heard only by one who reads on at last. */
  #giveUp(): void {
    if (this.#ended !== undefined) return;
    this.#onClose(tooSlowCode, "the messages were read too slowly");
    this.#raw.close(tooSlowCode, "the messages were read too slowly");
    this.#clock.after(1000, () => this.#raw.terminate());
  }

  #pingLater(): void {
    this.#cancelPing = this.#clock.after(pingMs, () => {
      if (this.#ended !== undefined) return;
      // Whom we do not read, or whom the ping cannot reach yet, is not judged by its silence.
      const isHeard = !this.#paused && this.#wakes.length === 0 && !this.#closing;
      if (isHeard && this.#silentPings >= 2) return this.terminate();
      if (isHeard) {
        this.#silentPings += 1;
        this.#raw.ping();
      }
      this.#pingLater();
    });
  }
}
