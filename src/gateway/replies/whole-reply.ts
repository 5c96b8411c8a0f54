/** Takes a reply that is not a stream whole, so that a broken one can still go to another channel. */
import { GatewayError } from "../../core/errors.ts";
import { splice } from "../../core/json.ts";
import type { Usage } from "../../wire/usage.ts";
import type { Attempt, Settle } from "../exchange/ending.ts";
import { toldError } from "../exchange/failure.ts";
import { HeldReply } from "../exchange/held-reply.ts";
import { keeperThere, keptBody, upstreamRunsInBackground } from "../responses/keep-there.ts";
import { makeReplySealer } from "./reply-sealer.ts";
import { backgroundResponse } from "../jobs/response-job.ts";

type Headers = Readonly<Record<string, string>>;

/** Whether what was answered has to be counted here: conversations always answer something. */
function tellsNoOutput({ request }: Attempt["call"], usage: Usage | null): boolean {
  return usage === null || (usage.output === 0 && request.operation === "chat");
}

export class WholeReply extends HeldReply {
  readonly #attempt: Attempt;
  readonly #headers: Headers;

  constructor(attempt: Attempt, headers: Headers, settle: Settle) {
    super(settle);
    this.#attempt = attempt;
    this.#headers = headers;
  }

  /** What runs on without its caller is known by its vendor's answer alone. */
  override onGone(): boolean {
    return upstreamRunsInBackground(this.#attempt.call) || super.onGone();
  }

  onEnd(): void {
    const { call, shownModel } = this.#attempt;
    const body = this.body();
    const facts = call.dialect.readReply(body);
    if (facts === undefined)
      return this.onError(
        new GatewayError("upstream_invalid", "the reply is not the JSON it should be"),
      );
    if (call.reply.begun)
      return this.onError(
        new GatewayError("upstream_invalid", "a whole reply came where a stream was asked for"),
      );
    if (facts.isError) return this.fail(toldError(call.dialect.readError(body)));
    const there = upstreamRunsInBackground(call) ? backgroundResponse(body) : {};
    const edits = makeReplySealer(this.#attempt)?.whole(body) ?? [];
    if (shownModel !== null && facts.modelRange !== null)
      edits.push({ ...facts.modelRange, bytes: JSON.stringify(shownModel) });
    const edited = splice(body, edits);
    const answer = (reply: { readonly body: Buffer; readonly headers: Headers }): void => {
      const headers = { ...reply.headers, "content-length": String(reply.body.length) };
      call.reply.whole({ status: 200, headers, body: reply.body });
      this.settle({
        kind: "answered",
        outcome: "complete",
        error: null,
        usage: facts.usage,
        textBytes: tellsNoOutput(call, facts.usage) ? call.dialect.textBytes(body) : 0,
        modelReported: facts.model,
        firstContentAtMs: call.clock.monotonic(),
        ...there,
      });
    };
    const reply = { body: edited, headers: this.#headers };
    const keeper = keeperThere(this.#attempt);
    if (keeper === null) answer(reply);
    else void keptBody(this.#attempt, keeper, reply).then(answer);
  }
}
