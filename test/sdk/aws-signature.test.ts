/**
 * Bedrock's URLs and signatures are those of Amazon's own client: the URL that it calls for a model, and the signature
 * that its signer makes over that URL, also where a model's name holds colons and slashes.
 */
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import {
  BedrockRuntimeClient,
  ConverseCommand,
  InvokeModelWithResponseStreamCommand,
} from "@aws-sdk/client-bedrock-runtime";
import { SignatureV4 } from "@smithy/signature-v4";
import { endpointUrl, endpointsOf, servesModel } from "../../src/providers/address-channel.ts";
import { getProvider } from "../../src/providers/registry.ts";
import { AwsSigner } from "../../src/upstream/credentials/sign-aws.ts";

const models = [
  "us.amazon.nova-pro-v1:0",
  "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
  "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/mi1dadi0g15f",
  "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-6",
];
const nowMs = Date.parse("2026-11-23T04:05:06Z");
const clock = { now: () => nowMs, monotonic: () => 0, after: () => () => undefined };
const credentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "s3cr3t/+=",
  sessionToken: "T/o+k=",
};
const secret = Object.values(credentials).join("|");

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === "string") return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    : Buffer.from(data);
}

/** Node's own digests in the form that the signer asks for. */
class Sha256 {
  readonly #hash;
  constructor(key?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = key === undefined ? createHash("sha256") : createHmac("sha256", bytesOf(key));
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data));
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
  reset(): void {
    throw new Error("not asked for");
  }
}

/** Path and query that Amazon's client calls. */
async function pathOfClient(model: string, stream: boolean): Promise<string> {
  let path = "";
  const client = new BedrockRuntimeClient({
    region: "us-east-1",
    credentials,
    maxAttempts: 1,
    requestHandler: {
      handle: (request: { path: string }) => {
        path = request.path;
        return Promise.reject(new Error("not sent"));
      },
    },
  });
  const sent: Promise<unknown> = stream
    ? client.send(new InvokeModelWithResponseStreamCommand({ modelId: model, body: "{}" }))
    : client.send(new ConverseCommand({ modelId: model, messages: [] }));
  await assert.rejects(sent, /not sent/);
  return path;
}

function ourUrl(model: string, dialect: string, stream: boolean): string {
  const provider = getProvider("bedrock");
  const channel = { baseUrl: null, options: { settings: { region: "us-east-1" }, dialects: [] } };
  const endpoint = endpointsOf(provider, channel, "chat").find(
    (one) => one.dialect === dialect && servesModel(one, model),
  );
  assert.ok(endpoint !== undefined);
  return endpointUrl(provider, channel, endpoint, { model, secret: "", stream });
}

for (const model of models)
  test(`${model}: the client's own path and signature`, async () => {
    const url = new URL(ourUrl(model, "bedrock-converse", false));
    assert.equal(url.pathname, await pathOfClient(model, false));
    const body = JSON.stringify({ messages: [{ role: "user", content: [{ text: "höflich" }] }] });
    const own = await new SignatureV4({
      credentials,
      region: "us-east-1",
      service: "bedrock",
      sha256: Sha256,
      applyChecksum: false,
    }).sign(
      {
        method: "POST",
        protocol: "https:",
        hostname: url.host,
        path: url.pathname,
        query: {},
        headers: { host: url.host },
        body,
      },
      { signingDate: new Date(nowMs) },
    );
    const ours = await new AwsSigner(clock).sign(
      { method: "POST", url: url.href, body: Buffer.from(body) },
      secret,
      { service: "bedrock", region: "us-east-1" },
    );
    assert.equal(ours["authorization"], own.headers["authorization"]);
    assert.equal(ours["x-amz-date"], own.headers["x-amz-date"]);
  });

test("Claude's invoke path with streaming is the client's own", async () => {
  const model = "eu.anthropic.claude-haiku-4-5-20251001-v1:0";
  const url = new URL(ourUrl(model, "anthropic-messages", true));
  assert.equal(url.pathname, await pathOfClient(model, true));
});
