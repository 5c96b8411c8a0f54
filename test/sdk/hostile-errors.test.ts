/**
 * Whatever a caller sends and an upstream answers, the caller's own SDK takes what it is told for an error of its classes,
 * with the status and words that we meant, also in the middle of a stream; and never for an answer.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { ApiError, GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { type Yard, closing, openYard, testKey } from "../e2e/call-harness.ts";
import { channelSpeaking } from "../e2e/recorded-calls.ts";
import {
  type Behaviour,
  type FakeUpstream,
  cut,
  json,
  malformed,
  openFakeUpstream,
  reply,
  status,
  stream,
} from "../fakes/upstream.ts";
import { sayTurn } from "../fakes/streams.ts";

/** What a client made of a call. */
interface Told {
  /** Undefined: its error is none of the client's own for replies. */
  readonly status: number | undefined;
  readonly message: string;
  /** Whether the client raised an error of its own classes for what a server tells. */
  readonly own: boolean;
}

type Body = string | Buffer | undefined;

interface Client {
  readonly dialect: "openai-chat" | "openai-responses" | "anthropic-messages" | "gemini-content";
  /** Calls with its own request, or with another body in its place; answers what it raised. */
  call(yard: Yard, stream: boolean, body: Body): Promise<Told | undefined>;
}

/** Sends what is given in place of what the client would. */
function sending(body: Body): typeof fetch {
  return (url, init) =>
    fetch(url, body === undefined ? init : { ...init, body: new Uint8Array(Buffer.from(body)) });
}

async function raised(
  act: () => Promise<unknown>,
  read: (thrown: unknown) => Told,
): Promise<Told | undefined> {
  try {
    await act();
    return undefined;
  } catch (thrown) {
    return read(thrown);
  }
}

async function drain(events: AsyncIterable<unknown>): Promise<void> {
  for await (const _event of events);
}

const readOpenai = (thrown: unknown): Told => ({
  status: (thrown as { status?: number }).status,
  message: String((thrown as Error).message),
  own: thrown instanceof OpenAI.APIError,
});

function openai(yard: Yard, body: Body): OpenAI {
  return new OpenAI({
    apiKey: testKey,
    baseURL: `${yard.url}/v1`,
    maxRetries: 0,
    fetch: sending(body),
  });
}

const model = "own-model";
const messages = [{ role: "user" as const, content: "hi" }];

const clients: readonly Client[] = [
  {
    dialect: "openai-chat",
    call: (yard, streamed, body) =>
      raised(async () => {
        const { completions } = openai(yard, body).chat;
        if (streamed) await drain(await completions.create({ model, messages, stream: true }));
        else await completions.create({ model, messages });
      }, readOpenai),
  },
  {
    dialect: "openai-responses",
    call: (yard, streamed, body) =>
      raised(async () => {
        const { responses } = openai(yard, body);
        if (!streamed) return void (await responses.create({ model, input: "hi" }));
        await drain(await responses.create({ model, input: "hi", stream: true }));
      }, readOpenai),
  },
  {
    dialect: "anthropic-messages",
    call: (yard, streamed, body) =>
      raised(
        async () => {
          const client = new Anthropic({
            apiKey: testKey,
            baseURL: yard.url,
            maxRetries: 0,
            fetch: sending(body),
          });
          const asked = { model, max_tokens: 50, messages };
          if (streamed) await client.messages.stream(asked).finalMessage();
          else await client.messages.create(asked);
        },
        (thrown) => ({
          status: (thrown as { status?: number }).status,
          message: String((thrown as Error).message),
          own: thrown instanceof Anthropic.APIError,
        }),
      ),
  },
  {
    dialect: "gemini-content",
    call: (yard, streamed, body) =>
      raised(
        async () => {
          // This client takes no fetch of ours, so another body goes past it, and its reply through it.
          const real = globalThis.fetch;
          globalThis.fetch = (url, init) =>
            real(
              url,
              body === undefined ? init : { ...init, body: new Uint8Array(Buffer.from(body)) },
            );
          try {
            const client = new GoogleGenAI({
              apiKey: testKey,
              httpOptions: { baseUrl: yard.url, retryOptions: { attempts: 1 } },
            });
            const asked = { model, contents: "hi" };
            if (streamed) await drain(await client.models.generateContentStream(asked));
            else await client.models.generateContent(asked);
          } finally {
            globalThis.fetch = real;
          }
        },
        (thrown) => ({
          status: (thrown as { status?: number }).status,
          message: String((thrown as Error).message),
          own: thrown instanceof ApiError,
        }),
      ),
  },
];

async function openNode(
  t: TestContext,
  dialect: string,
): Promise<{ readonly yard: Yard; readonly vendor: FakeUpstream }> {
  const vendor = closing(t, await openFakeUpstream(json({})));
  const place = channelSpeaking(dialect, `http://127.0.0.1:${vendor.port}`);
  const channels = [{ ...place, models: [model] }];
  const env = { MAX_BODY_SIZE: "1MB" };
  return { yard: await openYard(t, { channels, env, settings: { retryTimes: 0 } }), vendor };
}

const deep = `{"model":"${model}","x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;

const bodies: readonly (readonly [string, string | Buffer, readonly number[]])[] = [
  ["no body", "", [400]],
  ["no object", "[]", [400]],
  ["no JSON", "{", [400]],
  ["a byte order mark", "\ufeff{}", [400]],
  ["nesting without end", deep, [400]],
  ["too much", Buffer.alloc(1024 * 1024 + 1, 0x20), [413]],
];

/** Vendors' failures before anything was told, by what the caller hears. */
const failures: readonly (readonly [string, Behaviour, readonly number[]])[] = [
  ["refused", status(400), [400]],
  ["refused without a word", reply("", {}, 422), [422]],
  ["refused by a page", reply("<html>no</html>", { "content-type": "text/html" }, 404), [404]],
  ["wrong key", status(401), [502]],
  ["too many", status(429, { "retry-after": "1" }), [429]],
  ["broken", status(500), [502]],
  ["overloaded", status(529), [503, 529]],
  ["no HTTP", malformed, [502]],
  ["no answer", json({}), [502]],
  ["an error under a success", json({ error: { message: "busy", type: "server_error" } }), [502]],
  ["a page under a success", reply("<html>", { "content-type": "text/html" }), [502]],
];

for (const client of clients)
  for (const dialect of new Set([client.dialect, "openai-chat", "anthropic-messages"] as const))
    test(`${client.dialect}'s client raises its own errors over ${dialect}`, async (t) => {
      const { yard, vendor } = await openNode(t, dialect);
      const check = (told: Told | undefined, statuses: readonly number[], what: string): void => {
        const shown = `${what}: ${JSON.stringify(told)}`;
        assert.ok(told !== undefined, `${what} was taken for an answer`);
        assert.ok(told.own, shown);
        assert.ok(statuses.includes(told.status ?? 0), shown);
        assert.ok(told.message.length > 5 && !/undefined|\[object/.test(told.message), shown);
      };
      for (const streamed of [false, true]) {
        for (const [name, body, statuses] of bodies)
          check(await client.call(yard, streamed, body), statuses, name);
        for (const [name, behaviour, statuses] of failures) {
          vendor.behave(behaviour);
          check(await client.call(yard, streamed, undefined), statuses, name);
        }
      }
      // In the middle of a stream there is no status any more.
      const { body, contentType } = sayTurn(dialect, { text: "Half of an answer, or so." }, true);
      const half = body.subarray(0, Math.floor(body.length / 2));
      for (const behaviour of [cut([half]), stream([half], { "content-type": contentType })]) {
        vendor.behave(behaviour);
        const told = await client.call(yard, true, undefined);
        assert.ok(told !== undefined, "half an answer was taken for a whole one");
        assert.match(told.message, /broke off|upstream/i);
        assert.ok(told.own, JSON.stringify(told));
      }
    });
