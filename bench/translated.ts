/**
 * Streams between each pair of the four APIs, pass-through among them, in one run. A chunk is one event of the
 * upstream's, so that each row of an upstream compares with that upstream's own pass-through.
 */
import type { GatewayNode } from "../test/e2e/nodes.ts";
import { rootKey, startNode } from "../test/e2e/nodes.ts";
import type { Figure } from "./calls.ts";
import { type Api, openCannedStreams } from "./canned-streams.ts";
import { closedLoop, type LoadTarget, percentile } from "./load.ts";
import { cpuSeconds, pin } from "./pinned.ts";

const apis: readonly Api[] = ["chat", "responses", "messages", "gemini"];

const channels: Readonly<Record<Api, { provider: string; path: string; dialects: string[] }>> = {
  chat: { provider: "custom", path: "/v1", dialects: ["openai-chat"] },
  responses: { provider: "custom", path: "/v1", dialects: ["openai-responses"] },
  messages: { provider: "custom", path: "", dialects: ["anthropic-messages"] },
  gemini: { provider: "custom", path: "/v1beta", dialects: ["gemini-content"] },
};

const text = "Tell me about the quick brown fox. ".repeat(20);

function target(front: Api, upstream: Api, port: number): LoadTarget {
  const model = `to-${upstream}`;
  const headers = { authorization: `Bearer ${rootKey}` };
  const at = (path: string, body: object): LoadTarget => ({
    port,
    path,
    headers,
    body: JSON.stringify(body),
  });
  const messages = [{ role: "user", content: text }];
  if (front === "chat")
    return at("/v1/chat/completions", {
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
  if (front === "responses")
    return at("/v1/responses", { model, input: text, stream: true, store: false });
  if (front === "messages")
    return at("/v1/messages", { model, messages, stream: true, max_tokens: 1000 });
  return at(`/v1beta/models/${model}:streamGenerateContent?alt=sse`, {
    contents: [{ role: "user", parts: [{ text }] }],
  });
}

async function addChannels(node: GatewayNode, port: number): Promise<void> {
  for (const api of apis) {
    const { provider, path, dialects } = channels[api];
    const made = await node.api("POST", "/api/channels", {
      name: api,
      provider,
      dialects,
      baseUrl: `http://127.0.0.1:${port}${path}`,
      models: [`to-${api}`],
      credentials: ["sk-bench"],
    });
    if (made.status >= 300) throw new Error(made.text);
  }
}

const median = (values: readonly number[]): number =>
  percentile(
    [...values].sort((a, b) => a - b),
    0.5,
  );

interface Pair {
  readonly front: Api;
  readonly upstream: Api;
  readonly rates: number[];
  readonly costs: number[];
}

/** Chunks a second and CPU a chunk for all sixteen pairs. */
export async function benchTranslated(options: { readonly rounds: number }): Promise<Figure[]> {
  const canned = await openCannedStreams();
  await using node = await startNode({ env: { LOG_LEVEL: "warn" } });
  try {
    await addChannels(node, canned.port);
    pin(process.pid, 0);
    pin(node.pid, 1);
    const pairs: Pair[] = apis.flatMap((upstream) =>
      apis.map((front) => ({ front, upstream, rates: [], costs: [] })),
    );
    // The first round warms the compiler.
    for (let round = 0; round <= options.rounds; round += 1)
      for (const pair of pairs) {
        const before = cpuSeconds(node.pid);
        const load = target(pair.front, pair.upstream, node.port);
        const result = await closedLoop(load, 32, round === 0 ? 2 : 1);
        const name = `${pair.front} over ${pair.upstream}`;
        if (result.faults > 0 || result.calls === 0)
          throw new Error(`${name}: ${result.faults} of ${result.faults + result.calls} failed`);
        const chunks = result.calls * canned.events[pair.upstream];
        if (round === 0) continue;
        pair.rates.push(chunks / result.seconds);
        pair.costs.push(((cpuSeconds(node.pid) - before) * 1e6) / chunks);
      }
    return pairs.flatMap((pair) => figuresOf(pair, pairs));
  } finally {
    canned.server.close();
    pin(process.pid, 0);
  }
}

function figuresOf(pair: Pair, pairs: readonly Pair[]): Figure[] {
  const name = `${pair.front} over ${pair.upstream}`;
  const own = pairs.find(
    ({ front, upstream }) => front === pair.upstream && upstream === pair.upstream,
  );
  const ratio = median(pair.costs) / median(own?.costs ?? []);
  return [
    { name: `${name}, chunks`, value: median(pair.rates), unit: "chunks/s" },
    { name: `${name}, CPU`, value: median(pair.costs), unit: "µs/chunk" },
    ...(own === pair
      ? []
      : [{ name: `${name}, CPU / pass-through`, value: ratio, unit: "times", aim: "≤ 2" }]),
  ];
}
