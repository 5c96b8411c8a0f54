/** Follows the events of a translated stream: what they cost, how they end, and whether the end is a whole one. */
import type { ReplyEvent } from "../../wire/chat-reply.ts";
import type { Usage } from "../../wire/usage.ts";
import type { Measured } from "./delivery.ts";

export class EventMeter {
  readonly #open = new Set<number>();
  readonly #ended = new Set<number>();
  #finished = false;
  #usage: Usage | null = null;
  #usageFinal = false;
  #textBytes = 0;
  #modelReported: string | null = null;

  /** Answers whether the event carries something that the caller can use. */
  note(event: ReplyEvent): boolean {
    switch (event.type) {
      case "start":
        this.#modelReported ??= event.model;
        return false;
      case "block":
        this.#open.add(event.choice);
        return event.start.kind === "tool-call" || event.start.kind === "part";
      case "delta":
        this.#textBytes += Buffer.byteLength(event.text);
        return true;
      case "finish":
        this.#open.delete(event.choice);
        this.#ended.add(event.choice);
        this.#finished = true;
        return true;
      case "usage":
        this.#usage = event.usage;
        this.#usageFinal = this.#finished;
        return false;
      case "carried":
      case "citation":
        return true;
      default:
        return false;
    }
  }

  /** Whether an answer that has ended goes on: what stands behind its end no client would take in. */
  strays(event: ReplyEvent): boolean {
    if (event.type === "block") return this.#ended.has(event.choice);
    return event.type === "delta" && this.whole;
  }

  /** Every choice that began has told why it ended. */
  get whole(): boolean {
    return this.#finished && this.#open.size === 0;
  }

  /** Whether usage is still worth waiting for. */
  get awaitsUsage(): boolean {
    return this.#finished && !this.#usageFinal;
  }

  get modelReported(): string | null {
    return this.#modelReported;
  }

  measured(): Measured {
    return {
      usage: this.#usage,
      // Usage may come in the event that tells the finish, ahead of it.
      usageFinal: this.#usageFinal || this.whole,
      textBytes: this.#textBytes,
      modelReported: this.#modelReported,
    };
  }
}
