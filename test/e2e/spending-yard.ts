/** One real node with a vendor that answers as many tokens as it is told to: for tests of what calls cost their payers. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { type Behaviour, type FakeUpstream, openFakeUpstream } from "../fakes/upstream.ts";
import { type Books, type BooksReader, openBooks } from "./books.ts";
import { applied, channelTo, write } from "./cluster.ts";
import { type GatewayNode, type Reply, startNode, waitFor } from "./nodes.ts";

export interface MadeKey {
  readonly id: number;
  readonly key: string;
}

/** A call as the management API tells it. */
export interface ShownCall {
  readonly group: string;
  readonly channel: number | null;
  readonly status: number;
  readonly error: string | null;
  readonly outcome: string;
  readonly attempts: number;
  readonly unpriced: boolean;
  readonly cost: string;
  readonly channelCost: string | null;
  readonly modelBilled: string;
  readonly usage: { readonly input: number; readonly output: number; readonly estimated: boolean };
}

export interface SpendingYard {
  readonly node: GatewayNode;
  readonly upstream: FakeUpstream;
  readonly books: BooksReader;
  /** A write that the node knows of when it answers. */
  make<T = { id: number }>(path: string, body: object, method?: string): Promise<T>;
  channel(models: readonly string[], more?: object): Promise<{ id: number }>;
  key(more: object): Promise<MadeKey>;
  /** A chat call of `max_tokens` 100 that is answered with `tokens` of output. */
  chat(key: MadeKey, model: string, more?: object, tokens?: number): Promise<Reply>;
  /** The newest call of a key, once so many are settled. */
  last(key: MadeKey, count: number): Promise<ShownCall>;
  counted(kind: string, id: number): Promise<bigint>;
  settled(key: MadeKey, kind: string, id: number, calls: number): Promise<Books>;
}

interface Asked {
  readonly model?: string;
  readonly stream?: boolean;
  readonly messages?: readonly { readonly content: unknown }[];
}

/** No input, and as much output as the question says. */
export function chatOf(model: string, tokens: number): object {
  return {
    id: "c",
    object: "chat.completion",
    created: 1,
    model,
    choices: [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 0, completion_tokens: tokens, total_tokens: tokens },
  };
}

const counting: Behaviour = (request, response) => {
  const asked = JSON.parse(request.body.toString()) as Asked;
  const tokens = Number(asked.messages?.[0]?.content ?? 0) || 0;
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(chatOf(asked.model ?? "", tokens)));
};

/** `flat`: a cent a call; `metered`: a dollar for a million tokens of output, nothing for input. */
export async function openSpendingYard(
  t: TestContext,
  env: Readonly<Record<string, string>> = {},
): Promise<SpendingYard> {
  const upstream = await openFakeUpstream(counting);
  t.after(() => upstream.close());
  const node = await startNode({ env });
  t.after(() => node[Symbol.asyncDispose]());
  const books = await openBooks(undefined, `${node.dataDir}/switchyard.db`);
  t.after(() => books[Symbol.asyncDispose]());
  const make: SpendingYard["make"] = async <T>(path: string, body: object, method = "POST") => {
    const { data, revision } = await write<T>(node, method, path, body);
    if (typeof revision === "number") await applied(node, revision);
    return data;
  };
  const yard: SpendingYard = {
    node,
    upstream,
    books,
    make,
    channel: (models, more = {}) => make("/api/channels", channelTo(upstream, models, more)),
    key: (more) => make<MadeKey>("/api/keys", { name: "k", ...more }),
    chat: (key, model, more = {}, tokens = 100) => {
      const messages = [{ role: "user", content: String(tokens) }];
      const body = { model, messages, max_tokens: 100, ...more };
      return node.call("/v1/chat/completions", body, { key: key.key });
    },
    last: async (key, count) => {
      const path = `/api/calls?key=${key.id}&limit=100`;
      return await waitFor(`${count} calls of the key`, 15_000, async () => {
        const { data } = (await node.api("GET", path)).json<{ data: ShownCall[] }>();
        assert.equal(data.length, count);
        return data[0];
      });
    },
    counted: async (kind, id) => (await books.read({ keyId: 0, kind, id })).counted,
    settled: (key, kind, id, calls) => books.settled({ keyId: key.id, kind, id, calls }),
  };
  await make("/api/prices", { model: "flat", mode: "call", perCall: "0.01" });
  await make("/api/prices", { model: "metered", mode: "tokens", input: "0", output: "1" });
  return yard;
}

/** Fails where a call was not served. */
export function assertServed(reply: Reply): void {
  assert.equal(reply.status, 200, reply.text);
}

/** Fails where a call was not refused in OpenAI's form with this code. */
export function assertRefused(reply: Reply, status: number, code: string): void {
  assert.deepEqual(
    [reply.status, reply.json<{ error: { code: string } }>().error?.code],
    [status, code],
    reply.text,
  );
}

export const cent = 10_000_000n;
