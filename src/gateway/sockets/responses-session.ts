/**
 * One connection on which responses are asked for by frames: each is served as a call of its own, in the order of its
 * lane. Promises kept here: lanes do not wait for each other, an error ends a response and never the connection, and
 * what nobody keeps can be continued as long as the connection lasts.
 */
import type { Cancel } from "../../core/clock.ts";
import { GatewayError, toGatewayError } from "../../core/errors.ts";
import { makeCallId } from "../../core/ids.ts";
import {
  type ClientFrame,
  type CreateFrame,
  bodyOfFrame,
  inputElements,
  keptElements,
  namedResponse,
  parseCreate,
  parseFrame,
  renderPrepared,
  renderSteerFailed,
} from "../../dialects/openai-responses-socket.ts";
import { getDialect } from "../../dialects/registry.ts";
import type { CallRequest } from "../../wire/call.ts";
import type { Socket, SocketCall, SocketListener, SocketMessage } from "../../wire/socket.ts";
import { admitSocket } from "./admit-socket.ts";
import { FrameSink } from "./frame-sink.ts";
import { ResponsesMemory } from "../state/responses-memory.ts";
import type { Gateway, GatewayParts } from "../serve-call.ts";

/** As OpenAI limits its own connections. */
const maxLifeMs = 60 * 60_000;
const limitReached = "websocket_connection_limit_reached";
/** Responses that run at once; further lanes wait. */
const maxRunning = 16;
/** Frames that wait on a connection. */
const maxWaiting = 64;
const policyCode = 1008;
const goingAwayCode = 1001;

interface Running {
  readonly frame: CreateFrame;
  readonly sink: FrameSink;
  readonly gone: AbortController;
}

/** How a connection ends once nothing runs on it. */
interface LastWords {
  readonly code: number;
  readonly error: GatewayError;
  /** The transport's own word for it. */
  readonly word?: string;
  /** Whether an idle caller is told by an error frame, too. */
  readonly isTold: boolean;
}

export class ResponsesSession implements SocketListener {
  readonly #call: SocketCall;
  readonly #caller: Socket;
  readonly #parts: GatewayParts;
  readonly #gateway: Gateway;
  readonly #memory: ResponsesMemory;
  readonly #running = new Set<Running>();
  readonly #waiting: CreateFrame[] = [];
  readonly #cancelLife: Cancel;
  #last: LastWords | undefined;
  #over = false;

  constructor(
    call: SocketCall,
    caller: Socket,
    joined: { readonly parts: GatewayParts; readonly gateway: Gateway },
  ) {
    this.#call = call;
    this.#caller = caller;
    this.#parts = joined.parts;
    this.#gateway = joined.gateway;
    this.#memory = new ResponsesMemory(call);
    this.#cancelLife = joined.parts.clock.after(maxLifeMs, () => this.#lifeOver());
    call.closing.addEventListener("abort", this.#onClosing);
    if (call.closing.aborted) this.#onClosing();
  }

  onMessage({ data, isBinary }: SocketMessage): void {
    let streamId: string | null = null;
    try {
      if (isBinary) throw new GatewayError("invalid_request", "Send frames as text");
      const frame = parseFrame(data);
      ({ streamId } = frame);
      this.#take(frame);
    } catch (thrown) {
      this.#sinkFor(streamId, this.#call.request.id).fail(toGatewayError(thrown));
    }
  }

  onClose(): void {
    this.#over = true;
    for (const { gone } of this.#running) gone.abort();
    for (const frame of this.#waiting.splice(0)) this.#call.release(frame.data.length);
    this.#memory.clear();
    this.#cancelLife();
    this.#call.closing.removeEventListener("abort", this.#onClosing);
  }

  #take(frame: ClientFrame): void {
    switch (frame.type) {
      case "response.create":
        return this.#enqueue(parseCreate(frame));
      case "response.cancel":
        return this.#cancel(frame);
      case "response.steer":
        return this.#tell(renderSteerFailed(frame));
      default: {
        const message = `There is no frame of type \`${frame.type.slice(0, 100)}\`; send \`response.create\``;
        const fields = [{ field: "type", message }];
        throw new GatewayError("invalid_request", message, { fields, values: { detail: message } });
      }
    }
  }

  #enqueue(frame: CreateFrame): void {
    const { data, streamId } = frame;
    const last = this.#last;
    if (last !== undefined)
      return this.#sinkFor(streamId, this.#call.request.id).fail(last.error, last.word);
    if (this.#waiting.length >= maxWaiting) throw busy("Too many frames are waiting already");
    if (!this.#call.hold(data.length)) throw busy("Too many large requests at once");
    this.#waiting.push(frame);
    this.#startNext();
  }

  /** Starts whatever waits for nobody on its own lane. */
  #startNext(): void {
    const busyLanes = new Set([...this.#running].map(({ frame }) => frame.streamId));
    for (const frame of this.#waiting.slice()) {
      if (this.#running.size >= maxRunning) return;
      if (busyLanes.has(frame.streamId)) continue;
      busyLanes.add(frame.streamId);
      this.#waiting.splice(this.#waiting.indexOf(frame), 1);
      void this.#run(frame);
    }
  }

  async #run(frame: CreateFrame): Promise<void> {
    const id = makeCallId(this.#parts.sync.businessNowMs());
    const gone = new AbortController();
    const sink = this.#sinkFor(frame.streamId, id);
    const running = { frame, sink, gone };
    this.#running.add(running);
    let held = frame.data.length;
    try {
      const body = this.#bodyOf(frame);
      if (!this.#call.hold(body.length)) throw busy("Too many large requests at once");
      held += body.length;
      const request = { ...this.#call.request, id, body, signal: gone.signal };
      if (frame.generates) await this.#generate(running, request);
      else await this.#prepare(running, request);
    } catch (thrown) {
      sink.fail(toGatewayError(thrown));
    } finally {
      this.#call.release(held);
      this.#running.delete(running);
    }
    this.#afterRun(sink);
  }

  #bodyOf(frame: CreateFrame): Buffer {
    const { previousResponseId } = frame;
    const known =
      previousResponseId === null ? undefined : this.#memory.history(previousResponseId);
    return bodyOfFrame(frame, known ?? null);
  }

  async #generate({ frame, sink }: Running, request: CallRequest): Promise<void> {
    await this.#gateway.serve(request, sink);
    if (!sink.ended) sink.fail(new GatewayError("internal", "the call ended without a reply"));
    const { response } = sink;
    const id = response?.["id"];
    const isKept = (response?.["store"] ?? frame.stores) === true;
    if (response === undefined || typeof id !== "string" || isKept) return;
    this.#remember(id, frame, [inputElements(frame), keptElements(response)]);
  }

  /** Nothing is generated and nothing asked of an upstream: what came is remembered under an id. */
  async #prepare({ frame, sink }: Running, request: CallRequest): Promise<void> {
    const dialect = getDialect(request.dialect);
    const { model } = dialect.parse({ operation: "chat", body: request.body, query: {} });
    await admitSocket(this.#parts, request, model);
    const responseId = `resp_${request.id}`;
    this.#remember(responseId, frame, [inputElements(frame)]);
    const createdAtS = Math.floor(this.#parts.clock.now() / 1000);
    for (const event of renderPrepared(frame, { responseId, model, createdAtS })) sink.tell(event);
  }

  #remember(id: string, frame: CreateFrame, elements: readonly Buffer[]): void {
    if (!this.#over) this.#memory.remember(id, frame.previousResponseId, elements);
  }

  #afterRun(sink: FrameSink): void {
    if (this.#over) return;
    // The key is good for nothing any more: whoever holds it is not kept.
    if (sink.failedStatus === 401)
      this.#endWhenIdle({
        code: policyCode,
        error: new GatewayError("invalid_api_key", "This API key may not be used any more"),
        isTold: false,
      });
    this.#startNext();
    this.#endIfIdle();
  }

  #cancel(frame: ClientFrame): void {
    const id = namedResponse(frame);
    const found = [...this.#running].find(({ frame: { streamId }, sink }) =>
      id === null ? streamId === frame.streamId : sink.responseId === id,
    );
    if (found === undefined) {
      const message = "There is no response to cancel";
      throw new GatewayError("invalid_request", message, { values: { detail: message } });
    }
    found.sink.fail(
      new GatewayError("caller_gone", "The response was cancelled"),
      "response_cancelled",
    );
    found.gone.abort();
  }

  #lifeOver(): void {
    const message =
      "Responses websocket connection limit reached (60 minutes). Create a new websocket connection to continue.";
    const error = new GatewayError("invalid_request", message, { values: { detail: message } });
    this.#endWhenIdle({ code: goingAwayCode, error, word: limitReached, isTold: true });
  }

  readonly #onClosing = (): void =>
    this.#endWhenIdle({
      code: goingAwayCode,
      error: new GatewayError("temporarily_unavailable", "this node is stopping"),
      isTold: false,
    });

  #endWhenIdle(last: LastWords): void {
    this.#last ??= last;
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    const last = this.#last;
    if (last === undefined || this.#over || this.#running.size + this.#waiting.length > 0) return;
    const { error, word, code, isTold } = last;
    if (isTold) this.#sinkFor(null, this.#call.request.id).fail(error, word);
    this.#caller.close(code, word ?? error.kind);
  }

  #sinkFor(streamId: string | null, requestId: string): FrameSink {
    const telling = { locale: this.#parts.locale, requestId };
    return new FrameSink({ caller: this.#caller, streamId, telling });
  }

  #tell(frame: string): void {
    void this.#caller.send({ data: Buffer.from(frame), isBinary: false });
  }
}

function busy(message: string): GatewayError {
  return new GatewayError("temporarily_unavailable", message, { retryAfterS: 1 });
}
