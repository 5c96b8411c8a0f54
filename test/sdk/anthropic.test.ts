/**
 * Anthropic's own client reads what we tell: the same as it reads of the vendor itself. Its token counts are those that
 * an independent reader of usage finds.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import type { Message } from "@anthropic-ai/sdk/resources/messages";
import { extractUsage, findProvider } from "@pydantic/genai-prices";
import { GatewayError } from "../../src/core/errors.ts";
import type { JsonObject } from "../../src/core/json-value.ts";
import { anthropicMessages as dialect } from "../../src/dialects/anthropic/dialect.ts";
import { anthropicFront as front } from "../../src/dialects/anthropic/front-codec.ts";
import { anthropicUpstream as upstream } from "../../src/dialects/anthropic/upstream-codec.ts";
import type { ReplyContext } from "../../src/dialects/codec.ts";
import type { ReplyEvent } from "../../src/wire/chat-reply.ts";
import { loadRecordings } from "../fakes/recordings.ts";
import { anyContext, decodeChunks } from "../fakes/reply-events.ts";
import { loadVendorStreams } from "../fakes/vendor-streams.ts";

const recordings = loadRecordings("anthropic");
const skip = recordings === undefined ? "no recordings beside this checkout" : false;

const context: ReplyContext = {
  callId: "call0",
  replyId: null,
  model: "shown",
  createdAtS: 0,
  request: {},
  usageAsked: true,
  inputTokensEstimate: 5,
};

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer | string;
}

/** The client, answered by bytes in place of a network. */
function clientOf(answer: Answer): Anthropic {
  const { status, type, body } = answer;
  return new Anthropic({
    apiKey: "key",
    maxRetries: 0,
    fetch: () =>
      Promise.resolve(
        new Response(new Uint8Array(Buffer.from(body)), {
          status,
          headers: { "content-type": type },
        }),
      ),
  });
}

const asked = { model: "m", max_tokens: 9, messages: [{ role: "user", content: "hi" }] } as const;

function readStream(body: Buffer | string): Promise<Message> {
  const client = clientOf({ status: 200, type: "text/event-stream", body });
  return client.messages.stream({ ...asked, messages: [...asked.messages] }).finalMessage();
}

function tell(events: readonly ReplyEvent[]): string {
  const encode = front.makeEventEncoder(context);
  return events.map((event) => encode(event) ?? "").join("");
}

/** Vendor files have no event names, which the client wants. */
function named(body: Buffer): string {
  return body.toString().replaceAll(/^data: (\{"type":"(\w+)".*)$/gmu, "event: $2\ndata: $1");
}

/** What the client read, without what our shape does not hold. */
function said(message: Message): unknown {
  const { content, stop_reason, stop_sequence, stop_details, usage } = message;
  const { input_tokens, output_tokens, cache_read_input_tokens: read } = usage;
  const spoken = content.filter((block) => !(block.type === "text" && block.text === ""));
  return {
    content: spoken.map((block) => {
      const { citations, caller: _caller, ...rest } = block as unknown as JsonObject;
      const cites = citations as readonly unknown[] | null | undefined;
      return cites === null || cites === undefined || cites.length === 0
        ? rest
        : { ...rest, citations };
    }),
    stop_reason,
    stop_sequence,
    explanation: stop_details?.explanation ?? null,
    usage: { input_tokens, output_tokens, read: read ?? 0 },
  };
}

const streamEnd = 'data: {"type":"message_stop"}\n\n';

function streams(): { id: string; body: Buffer | string }[] {
  const recorded = (recordings ?? [])
    .map(({ id, response }) => ({ id, body: response.body as Buffer | string }))
    .filter(({ body }) =>
      body.toString("latin1" as never, 0 as never, 6 as never).startsWith("event:"),
    );
  const vendor = (loadVendorStreams("anthropic") ?? []).flatMap(({ id, body }) =>
    named(body)
      .split(streamEnd)
      .slice(0, -1)
      .map((text, index) => ({ id: `${id}#${index}`, body: text + streamEnd })),
  );
  return [...recorded, ...vendor];
}

/** Told as broken; refused by the client itself; with counts that our shape sums up; with calls the client reads halfway. */
const leftOut = [
  "spliced-message-start",
  "duplicate-message-start",
  "compaction",
  "advisor",
  "fallback",
  "mcp",
];

test("the client reads our streams as it reads the vendor's", { skip }, async () => {
  let read = 0;
  for (const { id, body } of streams()) {
    if (leftOut.some((name) => id.includes(name))) continue;
    const ours = await readStream(tell(decodeChunks(upstream, [Buffer.from(body)])));
    const theirs = await readStream(body);
    if (theirs.usage.input_tokens === 0) theirs.usage.input_tokens = context.inputTokensEstimate;
    assert.deepEqual(said(ours), said(theirs), id);
    read += 1;
  }
  assert.ok(read > 25, `${read} streams`);
});

test("the client reads our whole replies as it reads the vendor's", { skip }, async () => {
  let read = 0;
  for (const { id, response } of recordings ?? []) {
    if (response.status !== 200 || response.body.toString("latin1", 0, 6) === "event:") continue;
    const body = JSON.parse(response.body.toString()) as JsonObject;
    if ((body["usage"] as JsonObject)["iterations"] !== undefined) continue;
    const told = front.encodeReply(upstream.decodeReply(body, anyContext), context);
    const whole = (text: string): Promise<Message> =>
      clientOf({ status: 200, type: "application/json", body: text }).messages.create({
        ...asked,
        messages: [...asked.messages],
      });
    assert.deepEqual(
      said(await whole(JSON.stringify(told))),
      said(await whole(JSON.stringify(body))),
      id,
    );
    read += 1;
  }
  assert.ok(read > 100, `${read} replies`);
});

const call = { kind: "tool-call", id: "call.1", name: "look" } as const;
const begin: ReplyEvent = { type: "start", id: null, model: null, createdAtS: null };
const end: ReplyEvent[] = [
  { type: "finish", choice: 0, finish: { reason: "tool-calls", stopSequence: null, raw: null } },
  { type: "done" },
];

test("the client reads calls without arguments, overlapping ones, and ones that were cut off", async () => {
  const overlapping: ReplyEvent[] = [
    begin,
    { type: "block", choice: 0, block: 0, start: call },
    { type: "block", choice: 0, block: 1, start: { ...call, id: "call_2" } },
    { type: "delta", block: 1, text: '{"b":' },
    { type: "delta", block: 0, text: '{"a":1' },
    { type: "delta", block: 1, text: "2}" },
    { type: "block-end", block: 1 },
    { type: "delta", block: 0, text: "}" },
    { type: "block-end", block: 0 },
    { type: "block", choice: 0, block: 2, start: { ...call, id: "call_3" } },
    { type: "block-end", block: 2 },
    ...end,
  ];
  const message = await readStream(tell(overlapping));
  assert.equal(message.stop_reason, "tool_use");
  const inputs = message.content.map((block) => (block.type === "tool_use" ? block.input : null));
  assert.deepEqual(inputs, [{ b: 2 }, { a: 1 }, {}]);
  const cut: ReplyEvent[] = [
    begin,
    { type: "block", choice: 0, block: 0, start: call },
    { type: "delta", block: 0, text: '{"path":"/tmp","text":"half of i' },
    { type: "block-end", block: 0 },
    { type: "finish", choice: 0, finish: { reason: "length", stopSequence: null, raw: "length" } },
    { type: "done" },
  ];
  const truncated = await readStream(tell(cut));
  assert.equal(truncated.stop_reason, "max_tokens");
  assert.equal(truncated.content[0]?.type, "tool_use");
});

test("the client throws our errors as the vendor's, whole and within a stream", async () => {
  const telling = { locale: "en", requestId: "req_1" } as const;
  const error = new GatewayError("rate_limit_exceeded", "slow down");
  const { status, body } = dialect.renderError(error, telling);
  const whole = clientOf({ status, type: "application/json", body });
  await assert.rejects(
    whole.messages.create({ ...asked, messages: [...asked.messages] }),
    (thrown) => thrown instanceof Anthropic.RateLimitError && thrown.type === "rate_limit_error",
  );
  const begun = tell([begin, { type: "block", choice: 0, block: 0, start: { kind: "text" } }]);
  const event = dialect.renderErrorEvent(new GatewayError("upstream_truncated", "cut"), telling);
  await assert.rejects(
    readStream(begun + event.toString()),
    (thrown) => thrown instanceof Anthropic.APIError && thrown.type === "api_error",
  );
});

test("the client pages through our list of models", async () => {
  const models = ["a", "b"].map((id) => ({ id, ownedBy: "x" }));
  const { body } = dialect.renderModels(models);
  const listed: string[] = [];
  for await (const model of clientOf({ status: 200, type: "application/json", body }).models.list())
    listed.push(model.id);
  assert.deepEqual(listed, ["a", "b"]);
});

test("an independent reader of usage finds our counts in the same bodies", { skip }, () => {
  const provider = findProvider({ providerId: "anthropic" });
  assert.ok(provider !== undefined);
  let read = 0;
  for (const { id, response } of recordings ?? []) {
    if (response.status !== 200 || response.body.toString("latin1", 0, 6) === "event:") continue;
    const body = JSON.parse(response.body.toString()) as JsonObject;
    if ((body["usage"] as JsonObject)["iterations"] !== undefined) continue;
    const { usage } = extractUsage(provider, body, "default");
    const ours = dialect.readReply(response.body)?.usage;
    assert.ok(ours !== undefined && ours !== null, id);
    const written = ours.cacheWrite5m + ours.cacheWrite1h;
    assert.equal(ours.input + ours.cacheRead + written, usage["input_tokens"], id);
    assert.equal(ours.cacheRead, usage["cache_read_tokens"] ?? 0, id);
    assert.equal(written, usage["cache_write_tokens"] ?? 0, id);
    assert.equal(ours.output, usage["output_tokens"], id);
    read += 1;
  }
  assert.ok(read > 100, `${read} replies`);
});
