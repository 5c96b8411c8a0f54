/**
 * One realtime session: events both ways as they are, until either side ends it.
 * Promises kept here: but for a mapped model's name no byte is changed; a key that was revoked, or a channel that was
 * taken away, begins no further response; each side is closed with the other's own code.
 */
import { isModelAllowed } from "../../auth/model-allowed.ts";
import { GatewayError, messageOf, toGatewayError } from "../../core/errors.ts";
import { makeId } from "../../core/ids.ts";
import {
  type ClientEvent,
  type ServerEvent,
  endedResponse,
  readClientEvent,
  readServerEvent,
  renameModels,
  renderRealtimeError,
  transcriptionModel,
  transcriptionUsage,
} from "../../dialects/realtime-events.ts";
import type { Candidate } from "../../route/plan.ts";
import type { CallRequest } from "../../wire/call.ts";
import type { ManagedSocket } from "../../wire/managed-socket.ts";
import type { Socket, SocketListener, SocketMessage } from "../../wire/socket.ts";
import { type Pinned, currentSnapshot } from "./admit-socket.ts";
import { RealtimeMeter } from "./realtime-meter.ts";
import { checkPayable } from "./realtime-spending.ts";
import type { GatewayParts } from "../serve-call.ts";
import { SocketPump } from "./socket-pump.ts";

export interface RealtimeParts {
  readonly request: CallRequest;
  readonly pinned: Pinned;
  /** Name asked for. */
  readonly model: string;
  readonly candidate: Candidate;
  readonly upstream: ManagedSocket;
  readonly gateway: GatewayParts;
}

const brokenCode = 1006;
const policyCode = 1008;
const failedCode = 1011;
const restartCode = 1012;
const goingAwayCode = 1001;

export class RealtimeSession {
  readonly #parts: RealtimeParts;
  readonly #caller: Socket;
  readonly #meter: RealtimeMeter;
  readonly #up: SocketPump;
  readonly #down: SocketPump;
  readonly #onDrain = (): void => this.#drain();
  #pinned: Pinned;
  #transcriptionModel: string | null = null;
  #over = false;

  constructor(parts: RealtimeParts, caller: Socket) {
    const { request, model, candidate, upstream, gateway } = parts;
    this.#parts = parts;
    this.#caller = caller;
    this.#pinned = parts.pinned;
    const onRefused = (error: GatewayError): void => this.#fail(error, policyCode);
    this.#meter = new RealtimeMeter({ request, model, candidate, parts: gateway, onRefused });
    const onFault = (thrown: unknown): void => this.#fail(toGatewayError(thrown), failedCode);
    this.#up = new SocketPump({
      from: caller,
      to: upstream,
      turn: (message) => this.#turnUp(message),
      onFault,
    });
    this.#down = new SocketPump({
      from: upstream,
      to: caller,
      turn: (message) => this.#turnDown(message),
      onFault,
    });
  }

  /** Begins to carry; answers who hears the caller. */
  begin(): SocketListener {
    const { request, upstream } = this.#parts;
    upstream.listen({
      onMessage: (message) => this.#down.push(message),
      onClose: (code, reason) => this.#upstreamClosed(code, reason),
    });
    request.drainSignal.addEventListener("abort", this.#onDrain);
    if (request.drainSignal.aborted) this.#drain();
    return {
      onMessage: (message) => this.#up.push(message),
      onClose: (code, reason) => this.#callerClosed(code, reason),
    };
  }

  #turnUp(message: SocketMessage): SocketMessage | undefined | Promise<SocketMessage | undefined> {
    if (message.isBinary) return message;
    let event: ClientEvent;
    try {
      event = readClientEvent(message.data);
      this.#checkModels(event);
    } catch (thrown) {
      // The upstream might read it otherwise than we do: it is refused, and the session goes on.
      this.#tellError(toGatewayError(thrown), null);
      return undefined;
    }
    const renamed = this.#renamedUp(message, event);
    if (event.type !== "response.create") return renamed;
    return this.#recheck(true).then((isAllowed) => (isAllowed ? renamed : undefined));
  }

  /** A session has the model that it was admitted for, and no other. */
  #checkModels(event: ClientEvent): void {
    const { model, candidate } = this.#parts;
    const other = event.models.find(({ name }) => name !== model && name !== candidate.model);
    if (other === undefined) return;
    const message = `The model of a session cannot be changed; connect anew with \`?model=${other.name}\``;
    const fields = [{ field: other.field, message }];
    throw new GatewayError("invalid_request", message, { fields, values: { detail: message } });
  }

  #renamedUp(message: SocketMessage, { models }: ClientEvent): SocketMessage {
    const { model } = this.#parts.candidate;
    const others = models.filter(({ name }) => name !== model);
    if (others.length === 0) return message;
    return { data: renameModels(message.data, others, model), isBinary: false };
  }

  #turnDown(message: SocketMessage): SocketMessage {
    if (message.isBinary) return message;
    const event = readServerEvent(message.data);
    if (event === undefined) return message;
    this.#note(event);
    const { candidate, model } = this.#parts;
    const isMapped = candidate.model !== model && candidate.channel.replyModel === "asked";
    if (!isMapped || event.model === null) return message;
    return { data: renameModels(message.data, [event.model], model), isBinary: false };
  }

  #note(event: ServerEvent): void {
    const { responseId, fields } = event;
    if (event.isContent) this.#meter.brought(responseId, event.textBytes);
    if (fields === null) return;
    if (event.type === "response.created" && responseId !== null) {
      this.#meter.began(responseId, this.#pinAnew());
      // Responses that begin by themselves, when the caller falls silent, are boundaries too.
      void this.#recheck(false);
    } else if (event.type === "response.done" && responseId !== null) {
      this.#meter.ended(responseId, endedResponse(fields), this.#pinned);
      void this.#recheck(false);
    } else if (event.type.endsWith("input_audio_transcription.completed")) {
      const usage = transcriptionUsage(fields);
      if (usage !== null) this.#meter.transcribed(usage, this.#transcriptionModel, this.#pinAnew());
    } else this.#transcriptionModel = transcriptionModel(fields) ?? this.#transcriptionModel;
  }

  #pinAnew(): Pinned {
    const snapshot = this.#parts.gateway.sync.current();
    if (snapshot !== undefined) this.#pinned = { ...this.#pinned, snapshot };
    return this.#pinned;
  }

  /**
   * Whether the next response may begin; where it may not the session is ended. One that runs holds what it takes, so
   * only before the caller asks for another one is it checked that there is more (`payable`).
   */
  async #recheck(payable: boolean): Promise<boolean> {
    const { gateway, request } = this.#parts;
    try {
      const caller = await gateway.authenticate(request);
      this.#pinned = { caller, snapshot: currentSnapshot(gateway) };
      this.#checkStillServed();
      const { model, candidate } = this.#parts;
      if (payable) await checkPayable(gateway, request, this.#pinned, { model, candidate });
      return !this.#over;
    } catch (thrown) {
      const error = toGatewayError(thrown);
      // What cannot be looked up now is no reason to end what was allowed.
      if (error.kind === "temporarily_unavailable" || error.kind === "setup_required")
        return !this.#over;
      this.#fail(error, error.status >= 500 ? restartCode : policyCode);
      return false;
    }
  }

  #checkStillServed(): void {
    const { model, candidate } = this.#parts;
    const { caller, snapshot } = this.#pinned;
    if (!isModelAllowed(caller.models, model))
      throw new GatewayError("model_not_allowed", `This API key may not use model ${model}`, {
        values: { model },
      });
    const { channel, groupSymbol } = candidate;
    const groups = [caller.group, caller.fallbackGroup];
    const isServed =
      caller.suffix === null
        ? groups.includes(groupSymbol) &&
          snapshot.routes
            .candidates(groupSymbol, model)
            .some((tier) => tier.some(({ id }) => id === channel.id))
        : snapshot.channels.get(channel.id)?.enabled === true;
    if (isServed) return;
    const id = String(channel.id);
    const message = `Channel ${id} does not serve this session any more; connect anew`;
    throw new GatewayError("channel_not_available", message, { values: { channel: id } });
  }

  #tellError(error: GatewayError, aboutEvent: string | null): void {
    const { request, gateway } = this.#parts;
    const telling = { locale: gateway.locale, requestId: request.id };
    const ids = { eventId: `event_${makeId(12)}`, aboutEvent };
    const data = renderRealtimeError(error, telling, ids);
    void this.#caller.send({ data, isBinary: false });
  }

  /** Ends the session with an error event of our own. */
  #fail(error: GatewayError, code: number): void {
    if (this.#over) return;
    if (error.kind === "internal")
      this.#parts.gateway.logger.error({ err: error.cause ?? error }, "realtime session failed");
    this.#tellError(error, null);
    this.#end(error);
    this.#caller.close(code, error.kind);
    this.#parts.upstream.close(goingAwayCode, "");
  }

  #drain(): void {
    const error = new GatewayError("temporarily_unavailable", "this node is stopping");
    this.#fail(error, goingAwayCode);
  }

  #upstreamClosed(code: number, reason: string): void {
    this.#down.finish(() => {
      if (this.#over) return;
      if (code === brokenCode) return this.#upstreamBroke();
      this.#end(new GatewayError("upstream_truncated", `the upstream closed: ${code} ${reason}`));
      this.#caller.close(code, reason);
    });
  }

  #upstreamBroke(): void {
    const { gateway, request, candidate } = this.#parts;
    const error = new GatewayError("upstream_truncated", "the upstream's connection broke");
    const { channel } = candidate;
    gateway.logger.warn(
      { callId: request.id, channelId: channel.id, reason: messageOf(error) },
      "realtime session broke",
    );
    this.#fail(error, failedCode);
  }

  #callerClosed(code: number, reason: string): void {
    this.#up.finish(() => {
      if (this.#over) return;
      this.#end(null);
      this.#parts.upstream.close(code === brokenCode ? goingAwayCode : code, reason);
    });
  }

  /** `error`: why responses that had begun are cut; null: the caller is gone. */
  #end(error: GatewayError | null): void {
    this.#over = true;
    this.#up.stop();
    this.#down.stop();
    this.#meter.over(error);
    this.#parts.request.drainSignal.removeEventListener("abort", this.#onDrain);
  }
}
