/** How one attempt at an upstream ended, and what every attempt of a call shares. */
import type { Clock } from "../../core/clock.ts";
import type { GatewayError } from "../../core/errors.ts";
import type { CallFacts, Dialect, Telling } from "../../dialects/contract.ts";
import type { Provider } from "../../providers/contract.ts";
import type { ModelWish } from "../../route/model-wish.ts";
import type { Candidate } from "../../route/plan.ts";
import type { UpstreamExchange } from "../../upstream/upstream.ts";
import type { CallRequest } from "../../wire/call.ts";
import type { Usage } from "../../wire/usage.ts";
import type { CallState } from "../state/call-state.ts";
import type { EndpointChoice } from "./endpoint-choice.ts";
import type { DecodedRequest } from "./decoded-request.ts";
import type { AttemptFailure } from "./failure.ts";
import type { MediaTurn } from "./endpoint-choice.ts";
import type { Reply } from "./reply.ts";
import type { UploadCall } from "./upload-call.ts";

/** What stays the same through all attempts of a call. */
export interface Call {
  readonly request: CallRequest;
  readonly dialect: Dialect;
  readonly facts: CallFacts;
  /** What the asked name wished behind its `#`; null: nothing. */
  readonly wish: ModelWish | null;
  /** The body read for translation, on demand. */
  readonly decoded: DecodedRequest;
  /** What of it reaches beyond it; left out: nothing does. */
  readonly state?: CallState;
  /** The body, where it is a form that is sent on as it comes; null: it was read whole. */
  readonly upload: UploadCall | null;
  readonly telling: Telling;
  readonly reply: Reply;
  readonly clock: Clock;
}

/** One attempt: where it goes and how it gets there. */
export interface Attempt extends EndpointChoice {
  readonly call: Call;
  readonly candidate: Candidate;
  readonly provider: Provider;
  /** Name to put in place of the reply's model; null: it stays. */
  readonly shownModel: string | null;
  /** The request in a vendor's own API for rerank or media; left out: it is not translated for one. */
  readonly turn?: MediaTurn;
}

/** The caller got an answer, or what there was of it. */
export interface Answered {
  readonly kind: "answered";
  readonly outcome: "complete" | "cut" | "caller_gone";
  /** Why it was cut. */
  readonly error: GatewayError | null;
  /** Null: the upstream told none. */
  readonly usage: Usage | null;
  /** Bytes of generated text that were seen. */
  readonly textBytes: number;
  readonly modelReported: string | null;
  /** Monotonic instant of the first content; null: there was none. */
  readonly firstContentAtMs: number | null;
  /** The vendor's id of the response, where it goes on there without its caller; what it uses is told at its end. */
  readonly runsOn?: string;
  /** The vendor's id of a response in the background that was heard to its end: this call is charged for it. */
  readonly ranThere?: string;
}

/** The caller has been told nothing of it. */
export interface Failed {
  readonly kind: "failed";
  readonly failure: AttemptFailure;
}

export type Ending = Answered | Failed;

/** Takes the body of one reply, from its head to its end. */
export interface BodyTaker {
  /** May answer bytes' worth of back-pressure through the exchange. */
  onChunk(chunk: Buffer, exchange: UpstreamExchange): void;
  onEnd(): void;
  onError(error: GatewayError): void;
  /** The caller is gone. Answers whether the exchange should go on for a while, to hear of usage. */
  onGone(): boolean;
  /** The process must stop. */
  onDrain(): void;
}

/** Ends the attempt; later calls do nothing. */
export type Settle = (ending: Ending) => void;
