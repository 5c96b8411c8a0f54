/**
 * Real coding agents, each over an upstream of its own API and of every other: a whole streamed turn with a tool call.
 * The proof stands in a file that only the agent's shell can read, so the answer shows that call and result went through.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { write } from "../e2e/cluster.ts";
import { rootKey, startNode, type GatewayNode } from "../e2e/nodes.ts";
import { startScriptedUpstream, type ScriptedUpstream } from "../fakes/scripted/upstream.ts";
import { agents, isInstalled, runAgent } from "./agents.ts";
import { shellTurn } from "./shell-turn.ts";

type Api = keyof typeof agents;

/** What a caller of each API asks for, and what an upstream of each API is asked for. */
const asked: Readonly<Record<Api, string>> = {
  messages: "claude-sonnet-4-6",
  responses: "gpt-5.2-codex",
  gemini: "gemini-2.5-flash",
  chat: "gpt-4.1",
};

const upstreams: Readonly<
  Record<Api, { readonly provider: string; readonly path: string; readonly model: string }>
> = {
  messages: { provider: "anthropic", path: "", model: "claude-sonnet-4-6" },
  responses: { provider: "openai", path: "/v1", model: "gpt-5.2-codex" },
  gemini: { provider: "gemini", path: "/v1beta", model: "gemini-3-pro-preview" },
  chat: { provider: "custom", path: "/v1", model: "vendor-chat-model" },
};

const apis = Object.keys(agents) as Api[];

async function addChannel(node: GatewayNode, upstream: ScriptedUpstream, to: Api): Promise<void> {
  const { provider, path, model } = upstreams[to];
  const names = apis.map((api) => asked[api]);
  await write(node, "POST", "/api/channels", {
    name: `scripted ${to}`,
    provider,
    baseUrl: upstream.origin + path,
    models: names,
    modelMapping: Object.fromEntries(names.map((name) => [name, model])),
    credentials: ["vendor-secret"],
    // One API of one URL: what else this vendor may speak is not offered.
    ...(to === "responses" ? { dialects: ["openai-responses"] } : {}),
  });
}

for (const from of apis)
  for (const to of apis) {
    const agent = agents[from];
    const skip = isInstalled(agent)
      ? false
      : `${agent.id} is not installed (npm ci in test/agents)`;
    test(`${agent.id} over an upstream that speaks ${to}`, { skip, timeout: 120_000 }, async () => {
      const upstream = await startScriptedUpstream(shellTurn);
      try {
        await using node = await startNode();
        await addChannel(node, upstream, to);
        const proof = `PROOF-${randomBytes(6).toString("hex")}`;
        const run = await runAgent(
          agent,
          { url: node.url, key: rootKey, model: asked[from] },
          {
            prompt: "Read proof.txt with `cat proof.txt` and tell me what it says.",
            files: { "proof.txt": `${proof}\n` },
          },
        );
        const told = `${run.stdout}\n${run.stderr}\n${JSON.stringify(upstream.strange)}`;
        assert.equal(run.code, 0, told);
        assert.ok(run.stdout.includes(`It says ${proof}.`), told);
        assert.ok(
          upstream.heard.some(({ toolResults }) => toolResults.some((one) => one.includes(proof))),
          "the upstream saw the tool's result",
        );
        assert.ok(
          upstream.heard.every(({ api }) => api === to),
          "the upstream was asked in its own API",
        );
        assert.ok(
          upstream.heard.some(({ stream }) => stream),
          "the turn was streamed",
        );
        assert.ok(
          upstream.heard.every(({ headers }) => !JSON.stringify(headers).includes(rootKey)),
          "the caller's key stays with the gateway",
        );
      } finally {
        await upstream.close();
      }
    });
  }
