/** Reads AWS event-stream frames. Promise kept here: a frame whose checksum is wrong is never taken for an event. */
import { EventStreamCodec } from "@smithy/eventstream-codec";
import { GatewayError } from "../../core/errors.ts";
import { lookUp } from "../../core/look-up.ts";
import type { StreamEvent } from "../codec.ts";

type Frame = ReturnType<EventStreamCodec["decode"]>;
type Emit = (event: StreamEvent) => void;

/** What may stand behind SSE's `event:`. */
const plainName = /^[\w.:-]+$/u;

function makeCodec(): EventStreamCodec {
  return new EventStreamCodec(
    (bytes) =>
      typeof bytes === "string"
        ? bytes
        : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(),
    (text) => Buffer.from(text),
  );
}

function decodeFrame(codec: EventStreamCodec, frame: Buffer): Frame {
  try {
    return codec.decode(frame);
  } catch (cause) {
    throw new GatewayError("upstream_invalid", "A frame of the stream is broken", { cause });
  }
}

function headerText(frame: Frame, name: string): string | null {
  const value: unknown = frame.headers[name]?.value;
  return typeof value === "string" ? value : null;
}

function bodyText({ body }: Frame): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
}

/** Errors that AWS has no shape for stand in headers alone; they are told like exceptions. */
function readFault(frame: Frame): StreamEvent | undefined {
  const kind = headerText(frame, ":message-type");
  if (kind === "exception")
    return {
      name: headerText(frame, ":exception-type") ?? "unknownException",
      payload: bodyText(frame),
    };
  if (kind !== "error") return undefined;
  const code = headerText(frame, ":error-code") ?? "unknown";
  const message = headerText(frame, ":error-message") ?? bodyText(frame);
  return {
    name: code.endsWith("Exception") ? code : `${code}Exception`,
    payload: JSON.stringify({ message }),
  };
}

/** Frames of Converse: the event's type is a header, the event the body. */
export function makeConverseFrameReader(emit: Emit): (frame: Buffer) => void {
  const codec = makeCodec();
  return (bytes) => {
    const frame = decodeFrame(codec, bytes);
    emit(readFault(frame) ?? { name: headerText(frame, ":event-type"), payload: bodyText(frame) });
  };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null)
      return parsed as Readonly<Record<string, unknown>>;
  } catch {
    // Told below, as for JSON that is no object.
  }
  throw new GatewayError("upstream_invalid", "A frame of the stream holds no JSON object");
}

/** Anthropic's words for AWS's exceptions; others are `api_error`. */
const errorTypes: Readonly<Record<string, string>> = {
  validationException: "invalid_request_error",
  accessDeniedException: "permission_error",
  resourceNotFoundException: "not_found_error",
  modelTimeoutException: "timeout_error",
  throttlingException: "rate_limit_error",
  modelNotReadyException: "rate_limit_error",
  serviceUnavailableException: "overloaded_error",
};

/** An exception stands outside the model's own events, where nobody would read it: it becomes Anthropic's `error`. */
function asModelError({ name, payload }: StreamEvent): StreamEvent {
  let message: unknown;
  try {
    message = parseObject(payload)["message"];
  } catch {
    message = payload;
  }
  const type = lookUp(errorTypes, name) ?? "api_error";
  const told = typeof message === "string" && message !== "" ? message : (name ?? type);
  const error = { type: "error", error: { type, message: told } };
  return { name: "error", payload: JSON.stringify(error) };
}

/** Frames of invoke: the body's `bytes` are the event of the model (of Claude) in base64. */
export function makeInvokeFrameReader(emit: Emit): (frame: Buffer) => void {
  const codec = makeCodec();
  return (bytes) => {
    const frame = decodeFrame(codec, bytes);
    const fault = readFault(frame);
    if (fault !== undefined) return emit(asModelError(fault));
    const inner: unknown = parseObject(bodyText(frame))["bytes"];
    if (typeof inner !== "string") return;
    const payload = Buffer.from(inner, "base64").toString();
    const { type } = parseObject(payload);
    emit({ name: typeof type === "string" && plainName.test(type) ? type : null, payload });
  };
}
