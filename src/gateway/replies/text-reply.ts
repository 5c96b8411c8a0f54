/** Takes a transcript that is plain text or subtitles whole, so that a broken one can still go to another channel. */
import { unitUsage } from "../../dialects/make-usage.ts";
import { subtitleSeconds } from "../../dialects/openai-media/usage.ts";
import type { Usage } from "../../wire/usage.ts";
import type { Attempt, Settle } from "../exchange/ending.ts";
import { HeldReply } from "../exchange/held-reply.ts";

/** Subtitles tell how long the recording is; the tokens stay unknown. */
function usageOf(body: Buffer): Usage | null {
  const seconds = subtitleSeconds(body.toString("utf8", Math.max(0, body.length - 4096)));
  return seconds === undefined ? null : unitUsage({ seconds });
}

export class TextReply extends HeldReply {
  readonly #attempt: Attempt;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(attempt: Attempt, headers: Readonly<Record<string, string>>, settle: Settle) {
    super(settle);
    this.#attempt = attempt;
    this.#headers = headers;
  }

  onEnd(): void {
    const { call } = this.#attempt;
    const body = this.body();
    const headers = { ...this.#headers, "content-length": String(body.length) };
    call.reply.whole({ status: 200, headers, body });
    const usage = usageOf(body);
    this.settle({
      kind: "answered",
      outcome: "complete",
      error: null,
      usage,
      textBytes: usage === null ? body.length : 0,
      modelReported: null,
      firstContentAtMs: call.clock.monotonic(),
    });
  }
}
