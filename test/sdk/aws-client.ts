/** AWS's own client over bytes given to it, and what it would send: no network between. */
import { Readable } from "node:stream";
import { BedrockRuntimeClient } from "@aws-sdk/client-bedrock-runtime";
import { EventStreamCodec } from "@smithy/eventstream-codec";

interface SentRequest {
  readonly path: string;
  readonly body?: unknown;
}

export interface PlayedClient {
  readonly client: BedrockRuntimeClient;
  /** JSON bodies that were sent, in order. */
  readonly sent: unknown[];
}

function textOf(body: unknown): string {
  return typeof body === "string" ? body : new TextDecoder().decode(body as Uint8Array);
}

/** A client whose every request is answered with the body. */
export function playToAws(body: Buffer, contentType: string): PlayedClient {
  const sent: unknown[] = [];
  const requestHandler = {
    handle: (request: SentRequest) => {
      sent.push(JSON.parse(textOf(request.body)));
      const headers = { "content-type": contentType };
      const response = { statusCode: 200, headers, body: Readable.from([body]) };
      return Promise.resolve({ response });
    },
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
  };
  const client = new BedrockRuntimeClient({
    region: "us-east-1",
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
    maxAttempts: 1,
    requestHandler: requestHandler as never,
  });
  return { client, sent };
}

const codec = new EventStreamCodec(
  (bytes) => (typeof bytes === "string" ? bytes : Buffer.from(bytes).toString()),
  (text) => Buffer.from(text),
);

/** One frame; `headers` beside the content type. */
export function awsFrame(headers: Readonly<Record<string, string>>, body: string): Buffer {
  const all = { ...headers, ":content-type": "application/json" };
  const tagged = Object.entries(all).map(([name, value]) => [name, { type: "string", value }]);
  const frame = { headers: Object.fromEntries(tagged) as never, body: Buffer.from(body) };
  return Buffer.from(codec.encode(frame));
}

/** Events written as `{"messageStart": {…}}`, one behind another in frames. */
export function frameEvents(payloads: readonly string[]): Buffer {
  const frames = payloads.map((payload) => {
    const [type, event] = Object.entries(JSON.parse(payload) as Record<string, unknown>)[0] ?? [];
    if (type === undefined) throw new Error(`no event: ${payload}`);
    const headers = { ":event-type": type, ":message-type": "event" };
    return awsFrame(headers, JSON.stringify(event));
  });
  return Buffer.concat(frames);
}
