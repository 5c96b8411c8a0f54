/**
 * A reply told as frames of a WebSocket: each event of its stream is one, and whatever goes wrong is one too.
 * Promises kept here: exactly one frame ends a response, and the connection outlives every error.
 */
import { GatewayError, messageOf } from "../../core/errors.ts";
import { scanMembers, splice, memberInsertion, readString } from "../../core/json.ts";
import type { JsonObject } from "../../core/json-value.ts";
import { SseFramer, eventData, eventName } from "../../core/sse.ts";
import {
  errorEventFrame,
  errorReplyFrame,
  renderErrorFrame,
} from "../../dialects/openai-responses-socket.ts";
import type { Telling } from "../../dialects/contract.ts";
import type { ReplySink } from "../../wire/call.ts";
import type { Socket } from "../../wire/socket.ts";

export interface FrameSinkParts {
  readonly caller: Socket;
  /** Put into every frame; null: the caller named no lane. */
  readonly streamId: string | null;
  readonly telling: Telling;
}

/** Events behind which no more comes of a response. */
const endingTypes: readonly string[] = [
  "response.completed",
  "response.incomplete",
  "response.failed",
];

type Head = Parameters<ReplySink["head"]>;

export class FrameSink implements ReplySink {
  readonly #parts: FrameSinkParts;
  readonly #framer: SseFramer;
  #head:
    | { readonly status: Head[0]; readonly headers: Head[1]; readonly isStream: boolean }
    | undefined;
  #body: Buffer[] = [];
  #drained: Promise<void> | undefined;
  #ended = false;
  /** The response that ended, as the caller saw it; undefined: it ended in an error, or not at all. */
  response: JsonObject | undefined;
  /** Null until it has begun. */
  responseId: string | null = null;
  /** Status of the error that was told; null: none was. */
  failedStatus: number | null = null;

  constructor(parts: FrameSinkParts) {
    this.#parts = parts;
    this.#framer = new SseFramer((event) => this.#onEvent(event));
  }

  head(status: number, headers: Head[1]): void {
    const type = headers["content-type"] ?? "";
    this.#head = { status, headers, isStream: type.includes("text/event-stream") };
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    this.#drained = undefined;
    if (this.#head?.isStream !== true) {
      // It may be a piece of memory that is used again.
      this.#body.push(Buffer.from(bytes));
      return undefined;
    }
    try {
      this.#framer.push(bytes);
    } catch (thrown) {
      this.fail(
        new GatewayError("upstream_invalid", `an event cannot be read: ${messageOf(thrown)}`),
      );
    }
    return this.#drained;
  }

  end(chunk?: Uint8Array): void {
    if (chunk !== undefined) void this.write(chunk);
    if (this.#ended) return;
    if (this.#head?.isStream === false) return this.#tellWhole(this.#head);
    this.fail(new GatewayError("upstream_truncated", "the stream ended without its terminator"));
  }

  destroy(): void {
    this.fail(new GatewayError("upstream_truncated", "the reply broke off"));
  }

  get headSent(): boolean {
    return this.#head !== undefined;
  }

  /** Tells an error of ours, unless the response has ended. */
  fail(error: GatewayError, code?: string): void {
    this.#tellError(renderErrorFrame(error, this.#parts.telling, code));
  }

  /** Tells an event of the response that is made here. */
  tell(event: string): void {
    this.#tell(Buffer.from(event), (JSON.parse(event) as { readonly type: string }).type);
  }

  /** Whether a frame has ended the response. */
  get ended(): boolean {
    return this.#ended;
  }

  #tellWhole(head: { readonly status: number; readonly headers: Head[1] }): void {
    const body = Buffer.concat(this.#body);
    if (head.status >= 400) return this.#tellError(errorReplyFrame({ ...head, body }));
    try {
      const response = JSON.parse(body.toString()) as JsonObject;
      const status = response["status"] === "incomplete" ? "incomplete" : "completed";
      const event = { type: `response.${status}`, sequence_number: 0, response };
      this.#tell(Buffer.from(JSON.stringify(event)), event.type);
      this.response = response;
    } catch {
      this.fail(new GatewayError("upstream_invalid", "the reply is no response"));
    }
  }

  #onEvent(event: Buffer): void {
    const data = eventData(event);
    // Comments keep connections of another kind awake, and the terminator is the response's own event here.
    if (data === undefined || data[0] !== 0x7b || this.#ended) return;
    const scan = scanMembers(data, ["type", "stream_id"]);
    const range = scan.members["type"];
    const type = (range && readString(data, range)) ?? eventName(event) ?? "";
    if (type === "error")
      return this.#tellError(errorEventFrame(JSON.parse(data.toString()) as JsonObject));
    const typed =
      range === undefined && type !== ""
        ? splice(data, [memberInsertion(scan, "type", JSON.stringify(type))])
        : data;
    if (type === "response.created" || endingTypes.includes(type)) this.#note(data, type);
    this.#tell(typed, type);
  }

  #note(data: Buffer, type: string): void {
    const { response } = JSON.parse(data.toString()) as { readonly response?: JsonObject };
    if (typeof response?.["id"] === "string") this.responseId = response["id"];
    if (type === "response.completed" || type === "response.incomplete") this.response = response;
  }

  #tellError(frame: JsonObject): void {
    if (this.#ended) return;
    this.failedStatus = Number(frame["status"]);
    this.#tell(Buffer.from(JSON.stringify(frame)), "error");
  }

  #tell(frame: Buffer, type: string): void {
    const { caller, streamId } = this.#parts;
    this.#ended ||= type === "error" || endingTypes.includes(type);
    const data =
      streamId === null
        ? frame
        : splice(frame, [
            memberInsertion(scanMembers(frame, []), "stream_id", JSON.stringify(streamId)),
          ]);
    this.#drained = caller.send({ data, isBinary: false }) ?? this.#drained;
  }
}
