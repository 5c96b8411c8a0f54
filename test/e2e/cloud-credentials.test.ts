/**
 * Whole calls through channels whose credentials are not sent as they are: Claude on Vertex with a service account,
 * Claude on Bedrock with a signature that is computed anew from what arrived, Azure's deployments with an application.
 */
import assert from "node:assert/strict";
import { createHash, createHmac, createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../src/core/clock.ts";
import type { Behaviour, FakeUpstream, ReceivedRequest } from "../fakes/upstream.ts";
import { inTurn, json, openFakeUpstream, status } from "../fakes/upstream.ts";
import { openYard, testKey } from "./call-harness.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});

const message = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-x",
  content: [{ type: "text", text: "Hello." }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 3, output_tokens: 2 },
};

async function opened(context: TestContext, behaviour: Behaviour): Promise<FakeUpstream> {
  const vendor = await openFakeUpstream(behaviour);
  context.after(() => vendor.close());
  return vendor;
}

async function askClaude(url: string, model: string): Promise<{ status: number; text: string }> {
  const reply = await fetch(`${url}/v1/messages`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-api-key": testKey,
      "anthropic-version": "2023-06-01",
      "anthropic-beta": "interleaved-thinking-2025-05-14,files-api-2025-04-14",
    },
    body: JSON.stringify({
      model,
      max_tokens: 9,
      messages: [{ role: "user", content: "Grüß dich" }],
    }),
  });
  return { status: reply.status, text: await reply.text() };
}

function bodyOf(request: ReceivedRequest | undefined): Record<string, unknown> {
  return JSON.parse(request?.body.toString() ?? "") as Record<string, unknown>;
}

test("Claude on Vertex: the service account's token, its own paths and body, a new token after 401", async (t) => {
  let issued = 0;
  const google = await opened(t, (request, response) => {
    const assertion = new URLSearchParams(request.body.toString()).get("assertion") ?? "";
    const [head, claims, signature = ""] = assertion.split(".");
    const bytes = Buffer.from(signature, "base64url");
    const key = createPublicKey(publicKey);
    assert.ok(verify("RSA-SHA256", Buffer.from(`${head}.${claims}`), key, bytes));
    issued += 1;
    return json({ access_token: `ya29.${issued}`, expires_in: 3599 })(request, response);
  });
  const vertex = await opened(t, json(message));
  let aheadMs = 0;
  const yard = await openYard(t, {
    clock: {
      now: () => systemClock.now() + aheadMs,
      monotonic: () => systemClock.monotonic() + aheadMs,
      after: systemClock.after,
    },
    channels: [
      {
        provider: "vertex",
        baseUrl: `http://127.0.0.1:${vertex.port}`,
        models: ["claude-sonnet-4@20250514"],
        options: {
          settings: {
            project: "p-1",
            region: "us-east5",
            tokenUrl: `http://127.0.0.1:${google.port}/token`,
          },
        },
        credentials: [
          JSON.stringify({
            client_email: "a@p-1.iam.gserviceaccount.com",
            private_key: privateKey,
          }),
        ],
      },
    ],
  });
  const replies = await Promise.all(
    Array.from({ length: 5 }, () => askClaude(yard.url, "claude-sonnet-4@20250514")),
  );
  for (const reply of replies) assert.equal(reply.status, 200, reply.text);
  assert.equal(issued, 1, "one exchange for all calls at once");
  for (const request of vertex.requests) {
    assert.equal(
      request.path,
      "/v1/projects/p-1/locations/us-east5/publishers/anthropic/models/claude-sonnet-4@20250514:rawPredict",
    );
    assert.equal(request.headers.authorization, "Bearer ya29.1");
    assert.equal(request.headers["x-api-key"], undefined);
    assert.equal(request.headers["anthropic-beta"], "interleaved-thinking-2025-05-14");
    const body = bodyOf(request);
    assert.deepEqual(
      [body["anthropic_version"], "model" in body, body["max_tokens"]],
      ["vertex-2023-10-16", false, 9],
    );
  }
  vertex.behave(inTurn(status(401), json(message)));
  aheadMs += 60_000;
  assert.equal((await askClaude(yard.url, "claude-sonnet-4@20250514")).status, 200);
  const tokens = vertex.requests.slice(-2).map(({ headers }) => headers.authorization);
  assert.deepEqual(tokens, ["Bearer ya29.1", "Bearer ya29.2"]);
});

/** The signature that Amazon's rules give for what arrived (docs: "Create a signed AWS API request"), for JSON posts. */
function expectedSignature(request: ReceivedRequest, secret: string, region: string): string {
  const date = String(request.headers["x-amz-date"]);
  const scope = `${date.slice(0, 8)}/${region}/bedrock/aws4_request`;
  const sha = (data: string | Buffer): string => createHash("sha256").update(data).digest("hex");
  const hmac = (key: string | Buffer, data: string): Buffer =>
    createHmac("sha256", key).update(data).digest();
  const path = request.path.split("/").map(encodeURIComponent).join("/");
  const canonical = [
    "POST",
    path,
    "",
    `host:${request.headers.host}`,
    `x-amz-date:${date}`,
    "",
    "host;x-amz-date",
    sha(request.body),
  ].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", date, scope, sha(canonical)].join("\n");
  const key = [date.slice(0, 8), region, "bedrock", "aws4_request"].reduce<string | Buffer>(
    (before, part) => hmac(before, part),
    `AWS4${secret}`,
  );
  return `AWS4-HMAC-SHA256 Credential=AKID/${scope}, SignedHeaders=host;x-amz-date, Signature=${hmac(key, toSign).toString("hex")}`;
}

test("Claude on Bedrock: invoke's path and body, and a signature over exactly what was sent", async (t) => {
  const model = "eu.anthropic.claude-haiku-4-5-20251001-v1:0";
  const bedrock = await opened(t, json(message));
  const yard = await openYard(t, {
    channels: [
      {
        provider: "bedrock",
        baseUrl: `http://127.0.0.1:${bedrock.port}`,
        models: [model],
        options: { settings: { region: "eu-central-1" } },
        credentials: ["AKID|s3cr3t/+="],
      },
    ],
  });
  const reply = await askClaude(yard.url, model);
  assert.equal(reply.status, 200, reply.text);
  const [request] = bedrock.requests;
  assert.ok(request !== undefined);
  assert.equal(request.path, "/model/eu.anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke");
  const body = bodyOf(request);
  assert.deepEqual(body["anthropic_beta"], ["interleaved-thinking-2025-05-14"]);
  assert.equal(body["anthropic_version"], "bedrock-2023-05-31");
  assert.ok(!("model" in body) && !("stream" in body));
  assert.equal(
    request.headers.authorization,
    expectedSignature(request, "s3cr3t/+=", "eu-central-1"),
  );
});

test("Azure's deployments: an application's token, and the deployment in the path", async (t) => {
  const entra = await opened(t, (request, response) => {
    assert.equal(request.path, "/contoso/oauth2/v2.0/token");
    return json({ access_token: "eyJ.1", expires_in: 3600 })(request, response);
  });
  const azure = await opened(
    t,
    inTurn(
      status(500),
      json({
        id: "c",
        object: "chat.completion",
        model: "gpt-4o-2024-08-06",
        choices: [
          { index: 0, message: { role: "assistant", content: "Hi" }, finish_reason: "stop" },
        ],
        usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
      }),
    ),
  );
  const channel = {
    provider: "azure",
    baseUrl: `http://127.0.0.1:${azure.port}`,
    models: ["gpt-4o"],
    modelMapping: { "gpt-4o": "my-deployment" },
    options: { settings: { authority: `http://127.0.0.1:${entra.port}` } },
    credentials: ["contoso|client|secret"],
  };
  const yard = await openYard(t, { channels: [channel, { ...channel, priority: -1 }] });
  const reply = await fetch(`${yard.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${testKey}` },
    body: JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "hi" }] }),
  });
  assert.equal(reply.status, 200, await reply.text());
  for (const request of azure.requests) {
    assert.equal(
      request.path,
      "/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21",
    );
    assert.equal(request.headers.authorization, "Bearer eyJ.1");
    assert.equal(request.headers["api-key"], undefined);
  }
  assert.deepEqual([azure.requests.length, entra.requests.length], [2, 1]);
});

test("a refused service account rests its credential and tells the caller nothing of it", async (t) => {
  const google = await opened(t, status(400));
  const vertex = await opened(t, json(message));
  const yard = await openYard(t, {
    channels: [
      {
        provider: "vertex",
        baseUrl: `http://127.0.0.1:${vertex.port}`,
        models: ["claude-x"],
        options: {
          settings: { project: "p-1", tokenUrl: `http://127.0.0.1:${google.port}/token` },
        },
        credentials: [JSON.stringify({ client_email: "hunter2@x", private_key: privateKey })],
      },
    ],
  });
  const reply = await askClaude(yard.url, "claude-x");
  assert.equal(reply.status, 502, reply.text);
  assert.doesNotMatch(reply.text, /hunter2|BEGIN|127\.0\.0\.1/);
  assert.equal(vertex.requests.length, 0);
  assert.deepEqual(
    yard.attempts.map(({ result }) => result),
    ["upstream_auth"],
  );
});
