/**
 * Mistral's own client: as a caller of our chat completions, which are nearly its own API, and as the judge of what a
 * channel to Mistral sends there. (Cohere's client judges likewise in cohere.test.ts; it and the AI SDK's rerank in
 * media.test.ts and vercel.test.ts. Ollama's has no schema of what it sends, so it only reads, in ollama.test.ts.)
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { HTTPClient, Mistral } from "@mistralai/mistralai";
import type { ChatCompletionRequest } from "@mistralai/mistralai/models/components";
import { SDKError } from "@mistralai/mistralai/models/errors";
import { z } from "zod";
import { openYard, testKey } from "../e2e/call-harness.ts";
import { openMind } from "../fakes/scripted/mind.ts";
import { type Vendor, startVendor } from "../fakes/scripted/vendor.ts";
import { type UpstreamId, model, openScriptedYard, upstreamIds } from "./scripted-yard.ts";

type Fields = Readonly<Record<string, unknown>>;

async function stage(
  t: TestContext,
  upstream: UpstreamId,
): Promise<{ mistral: Mistral; url: string; vendor: Vendor }> {
  const { yard, vendor } = await openScriptedYard(t, upstream, openMind());
  const retryConfig = { strategy: "none" } as const;
  const mistral = new Mistral({ apiKey: testKey, serverURL: yard.url, retryConfig });
  return { mistral, url: yard.url, vendor };
}

const user = (content: string): { role: "user"; content: string } => ({ role: "user", content });
const capital = { model, messages: [user("What is the capital of Japan?")] };
const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
const weather = { type: "function" as const, function: { name: "weather", parameters } };

async function failure(call: Promise<unknown>): Promise<SDKError> {
  const thrown = await call.then(
    () => assert.fail("it should have failed"),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof SDKError, String(thrown));
  return thrown;
}

for (const upstream of upstreamIds)
  test(`its client over ${upstream}`, async (t) => {
    const { mistral, url, vendor } = await stage(t, upstream);
    const whole = await mistral.chat.complete(capital);
    assert.deepEqual(
      [whole.choices[0]?.message?.content, whole.choices[0]?.finishReason],
      ["Tokyo", "stop"],
    );
    assert.ok((whole.usage.totalTokens ?? 0) > 0);
    // OpenAI's own chunks pass through with the `usage: null` that the client does not take.
    if (upstream !== "openai-chat") {
      let text = "";
      for await (const { data } of await mistral.chat.stream(capital))
        text += String(data.choices[0]?.delta.content ?? "");
      assert.equal(text, "Tokyo");
    }
    const question = user("What is the weather in Bonn?");
    const asked = await mistral.chat.complete({ model, messages: [question], tools: [weather] });
    const message = asked.choices[0]?.message;
    const [call] = message?.toolCalls ?? [];
    assert.deepEqual(
      [call?.function.name, asked.choices[0]?.finishReason],
      ["weather", "tool_calls"],
    );
    const answer = { role: "tool" as const, content: "18 °C", toolCallId: call?.id ?? "" };
    const told = await mistral.chat.complete({
      model,
      tools: [weather],
      messages: [question, { ...message, role: "assistant" as const }, answer],
    });
    assert.match(String(told.choices[0]?.message?.content), /18 °C/u);
    const city = z.object({ city: z.string(), people: z.number().int() });
    const parsed = await mistral.chat.parse({
      model,
      messages: [user("How many live in Bonn: 330000?")],
      responseFormat: city,
    });
    assert.deepEqual(parsed.choices?.[0]?.message?.parsed, { city: "Bonn", people: 330_000 });
    vendor.failNext({ status: 429 });
    assert.equal((await failure(mistral.chat.complete(capital))).statusCode, 429);
    const stranger = new Mistral({
      apiKey: "sk-nobody-0123456789abcdef0123456789ab",
      serverURL: url,
    });
    assert.equal((await failure(stranger.chat.complete(capital))).statusCode, 401);
  });

/** Whose names are the caller's own. */
const opaque = ["parameters", "schema", "arguments", "metadata"];

/** As its client wants it: in camel case, a schema by another name. */
function toInput(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toInput);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name === "schema"
        ? "schemaDefinition"
        : name.replaceAll(/_(\w)/gu, (_all, letter: string) => letter.toUpperCase()),
      opaque.includes(name) ? inner : toInput(inner),
    ]),
  );
}

/** What its client sends for a body. */
async function resent(body: Fields): Promise<Fields> {
  let sent: Fields = {};
  const httpClient = new HTTPClient({
    fetcher: async (request) => {
      sent = (await (request as Request).json()) as Fields;
      return new Response("{}", { status: 503 });
    },
  });
  const client = new Mistral({ apiKey: "none", httpClient, retryConfig: { strategy: "none" } });
  const { stream, ...rest } = body;
  const input = toInput(rest) as ChatCompletionRequest;
  await assert.rejects(stream === true ? client.chat.stream(input) : client.chat.complete(input));
  return sent;
}

/** Ours without what the client adds of its own: every member must be there, and be the same. */
function assertHolds(theirs: unknown, ours: unknown, path: string): void {
  if (Array.isArray(ours)) {
    assert.ok(Array.isArray(theirs) && theirs.length === ours.length, path);
    for (const [index, one] of ours.entries()) assertHolds(theirs[index], one, `${path}[${index}]`);
  } else if (typeof ours === "object" && ours !== null) {
    assert.ok(typeof theirs === "object" && theirs !== null, path);
    for (const [name, inner] of Object.entries(ours))
      assertHolds((theirs as Fields)[name], inner, `${path}.${name}`);
  } else assert.deepEqual(theirs, ours, path);
}

const png =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
const name = "mistral-medium-latest";

/** What callers of each API of ours ask, with all that Mistral has too. */
const asks: readonly (readonly [path: string, body: Fields])[] = [
  [
    "/v1/messages",
    {
      model: name,
      max_tokens: 50,
      system: "Be brief.",
      temperature: 0.4,
      top_p: 0.9,
      stop_sequences: ["END"],
      tools: [{ name: "weather", description: "d", input_schema: parameters }],
      tool_choice: { type: "any", disable_parallel_tool_use: true },
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "Look." },
            { type: "image", source: { type: "base64", media_type: "image/png", data: png } },
          ],
        },
        {
          role: "assistant",
          content: [
            {
              type: "tool_use",
              id: "toolu_long_id_of_a_call",
              name: "weather",
              input: { city: "Bonn" },
            },
          ],
        },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "toolu_long_id_of_a_call", content: "18 °C" },
            { type: "text", text: "And now?" },
          ],
        },
      ],
    },
  ],
  [
    "/v1/responses",
    {
      model: name,
      store: false,
      stream: true,
      instructions: "Be brief.",
      max_output_tokens: 50,
      reasoning: { effort: "high" },
      text: { format: { type: "json_schema", name: "city", strict: true, schema: parameters } },
      input: [
        { role: "user", content: "Where?" },
        { role: "assistant", content: "There." },
        { role: "user", content: "Which city?" },
      ],
    },
  ],
  [
    "/v1beta/models/mistral-medium-latest:generateContent",
    {
      systemInstruction: { parts: [{ text: "Be brief." }] },
      contents: [{ role: "user", parts: [{ text: "Which city?" }] }],
      generationConfig: {
        seed: 7,
        presencePenalty: 0.5,
        frequencyPenalty: 0.25,
        responseMimeType: "application/json",
      },
    },
  ],
];

test("its client would send what a channel to Mistral sends, so it knows every member", async (t) => {
  const vendor = await startVendor(openMind());
  t.after(() => vendor.close());
  const channel = { provider: "mistral", baseUrl: `${vendor.origin}/v1`, models: [name] };
  const yard = await openYard(t, { channels: [channel] });
  for (const [path, body] of asks) {
    const response = await fetch(yard.url + path, {
      method: "POST",
      headers: {
        authorization: `Bearer ${testKey}`,
        "content-type": "application/json",
        "anthropic-version": "2023-06-01",
      },
      body: JSON.stringify(body),
    });
    const told = await response.text();
    assert.equal(response.status, 200, told);
    const sent = vendor.heard.at(-1)?.body ?? {};
    assertHolds(await resent(sent), sent, path);
  }
  assert.equal(vendor.heard.length, asks.length);
});
