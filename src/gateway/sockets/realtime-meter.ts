/**
 * Meters a realtime session: one call record for each of its responses, and for each text that was written down.
 * Promises kept here: a response is charged at the prices that held when it began, and a session in which nothing was
 * said leaves no record.
 */
import { GatewayError, toGatewayError } from "../../core/errors.ts";
import { makeCallId } from "../../core/ids.ts";
import type { EndedResponse } from "../../dialects/realtime-events.ts";
import { type Candidate, mapModel } from "../../route/plan.ts";
import type { CallRequest } from "../../wire/call.ts";
import type { Usage } from "../../wire/usage.ts";
import { type Pinned, bareFacts } from "./admit-socket.ts";
import {
  type RealtimeMoneyParts,
  type ResponseAt,
  openResponse,
  reserveResponse,
} from "./realtime-spending.ts";
import type { GatewayParts } from "../serve-call.ts";
import type { Spending } from "../money/spending.ts";
import { Tally } from "../money/tally.ts";

interface RunningResponse {
  readonly tally: Tally;
  /** Resolves when it is known what was set aside. */
  readonly ready: Promise<void>;
  textBytes: number;
  firstContentAtMs: number | null;
}

/** Responses that are followed at once: an upstream that ends none of them must not fill the memory. */
const maxRunning = 64;
const successStatus = 200;

export interface RealtimeMeterParts {
  readonly request: CallRequest;
  /** Name asked for. */
  readonly model: string;
  readonly candidate: Candidate;
  readonly parts: RealtimeMoneyParts & Pick<GatewayParts, "clock" | "meters" | "callLog">;
  /** A response began of itself that cannot be paid. */
  readonly onRefused: (error: GatewayError) => void;
}

export class RealtimeMeter {
  readonly #parts: RealtimeMeterParts;
  readonly #running = new Map<string, RunningResponse>();

  constructor(parts: RealtimeMeterParts) {
    this.#parts = parts;
  }

  began(responseId: string, pinned: Pinned): void {
    if (this.#running.has(responseId) || this.#running.size >= maxRunning) return;
    this.#running.set(responseId, this.#open(pinned, this.#candidateNow(pinned)));
  }

  /** Something came that belongs to a response. */
  brought(responseId: string | null, textBytes: number): void {
    const running = responseId === null ? undefined : this.#running.get(responseId);
    if (running === undefined) return;
    running.firstContentAtMs ??= this.#parts.parts.clock.monotonic();
    running.textBytes += textBytes;
  }

  ended(responseId: string, { usage, problem }: EndedResponse, pinned: Pinned): void {
    this.began(responseId, pinned);
    const running = this.#running.get(responseId);
    if (running === undefined) return;
    this.#running.delete(responseId);
    const error =
      problem === null ? null : new GatewayError("upstream_failed", `upstream: ${problem}`);
    this.#close(running, { usage, error, outcome: error === null ? "complete" : "cut" });
  }

  /** A text of the caller's own was written down, by a model of its own where that is known. */
  transcribed(usage: Usage, model: string | null, pinned: Pinned): void {
    const own = this.#candidateNow(pinned);
    const candidate = model === null ? own : { ...own, model, billedModel: model };
    const running = this.#open(pinned, candidate, model ?? this.#parts.model);
    this.#close(running, { usage, error: null, outcome: "complete" });
  }

  /** The session is over: responses that had begun are recorded with what was seen of them. */
  over(error: GatewayError | null): void {
    const outcome = error === null ? "caller_gone" : "cut";
    for (const running of this.#running.values())
      this.#close(running, { usage: null, error, outcome });
    this.#running.clear();
  }

  /** The channel of this session with what the configuration says of it by now; what is sent stays. */
  #candidateNow({ snapshot }: Pinned): Candidate {
    const { candidate, model } = this.#parts;
    const channel = snapshot.channels.get(candidate.channel.id) ?? candidate.channel;
    const { billedModel } = mapModel(channel, model);
    const group = snapshot.groups.get(candidate.groupSymbol);
    return { ...candidate, channel, group, billedModel };
  }

  #open(pinned: Pinned, candidate: Candidate, model = this.#parts.model): RunningResponse {
    const { request, parts } = this.#parts;
    const admittedAtMs = parts.sync.businessNowMs();
    const { clock, meters, callLog } = parts;
    const tally = new Tally({
      request: { ...request, id: makeCallId(admittedAtMs) },
      clock,
      admittedAtMs,
      meters,
      callLog,
    });
    tally.authenticated(pinned.caller, pinned.snapshot);
    tally.parsed(bareFacts(model));
    const at = { model, candidate, admittedAtMs };
    const spending = openResponse(parts, request, pinned, at);
    tally.admitted(spending);
    const ready = spending === undefined ? Promise.resolve() : this.#reserve(spending, at);
    tally.attempted(candidate);
    return { tally, ready, textBytes: 0, firstContentAtMs: null };
  }

  /** What has begun goes on; where it cannot be paid the session ends, and it is charged as far as it came. */
  async #reserve(spending: Spending, at: ResponseAt): Promise<void> {
    try {
      await reserveResponse(spending, at);
    } catch (thrown) {
      const error = toGatewayError(thrown);
      if (error.kind !== "temporarily_unavailable") this.#parts.onRefused(error);
    }
  }

  #close(
    { tally, ready, textBytes, firstContentAtMs }: RunningResponse,
    told: {
      readonly usage: Usage | null;
      readonly error: GatewayError | null;
      readonly outcome: "complete" | "cut" | "caller_gone";
    },
  ): void {
    // Some answers bring nothing but what their end tells.
    const contentAtMs =
      firstContentAtMs ?? (told.usage === null ? null : this.#parts.parts.clock.monotonic());
    tally.answered(
      {
        kind: "answered",
        ...told,
        textBytes,
        modelReported: null,
        firstContentAtMs: contentAtMs,
      },
      () => 0,
    );
    void ready.then(() => tally.close(successStatus));
  }
}
