/** Binary frames of AWS event streams, by AWS's own codec: what Bedrock sends in place of server-sent events. */
import { EventStreamCodec } from "@smithy/eventstream-codec";

const codec = new EventStreamCodec(
  (bytes) => Buffer.from(bytes as Uint8Array).toString(),
  (text) => Buffer.from(text),
);

const text = (value: string): { type: "string"; value: string } => ({ type: "string", value });

export type FrameKind = "event" | "exception";

/** One frame; of an exception the type is its name. */
export function awsFrame(type: string, payload: string, kind: FrameKind = "event"): Uint8Array {
  return codec.encode({
    headers: {
      [`:${kind}-type`]: text(type),
      ":content-type": text("application/json"),
      ":message-type": text(kind),
    },
    body: Buffer.from(payload),
  });
}

/** A model's own event as `invoke-with-response-stream` sends it: base64 within a frame. */
export function invokeFrame(event: string): Uint8Array {
  const bytes = Buffer.from(event).toString("base64");
  return awsFrame("chunk", JSON.stringify({ bytes, p: "abcdefgh" }));
}

export interface ReadFrame {
  readonly type: string;
  readonly kind: FrameKind;
  readonly payload: string;
}

/** All frames of a body; throws where one is broken. */
export function readAwsFrames(body: Buffer): ReadFrame[] {
  const frames: ReadFrame[] = [];
  for (let offset = 0; offset < body.length;) {
    const end = offset + body.readUInt32BE(offset);
    const { headers, body: payload } = codec.decode(body.subarray(offset, end));
    const kind = headers[":message-type"]?.value === "exception" ? "exception" : "event";
    const type = String(headers[`:${kind}-type`]?.value);
    frames.push({ type, kind, payload: Buffer.from(payload).toString() });
    offset = end;
  }
  return frames;
}
