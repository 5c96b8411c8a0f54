/**
 * Codex over a WebSocket: it prepares the turn with a frame that generates nothing, and continues what nobody keeps with
 * only what is new. The proof stands in a file that only the agent's shell can read.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { write } from "../e2e/cluster.ts";
import { rootKey, startNode } from "../e2e/nodes.ts";
import { startScriptedUpstream } from "../fakes/scripted/upstream.ts";
import { codexOverSocket, isInstalled, runAgent } from "./agents.ts";
import { shellTurn } from "./shell-turn.ts";

const skip = isInstalled(codexOverSocket)
  ? false
  : "Codex is not installed (npm ci in test/agents)";

interface Frame {
  readonly type: string;
  readonly generate?: boolean;
  readonly previous_response_id?: string;
  readonly input: readonly unknown[];
}

/** A door before the gateway that hears what the agent says by WebSocket, and passes nothing else. */
async function openDoor(port: number): Promise<{
  readonly url: string;
  readonly frames: readonly Frame[];
  readonly told: readonly string[];
  readonly posts: readonly string[];
  close(): void;
}> {
  const frames: Frame[] = [];
  const told: string[] = [];
  const posts: string[] = [];
  const door = createServer((request, response) => {
    posts.push(`${request.method} ${request.url}`);
    response.writeHead(404).end();
  });
  const upgrader = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  door.on("upgrade", (request, socket, head) => {
    const { authorization = "" } = request.headers;
    const through = new WebSocket(`ws://127.0.0.1:${port}${request.url}`, {
      headers: { authorization },
      perMessageDeflate: false,
    });
    upgrader.handleUpgrade(request, socket, head, (agent) => {
      const opened = once(through, "open");
      agent.on("message", (data: Buffer) => {
        frames.push(JSON.parse(data.toString()) as Frame);
        void opened.then(() => through.send(data, { binary: false }));
      });
      through.on("message", (data: Buffer) => {
        told.push((JSON.parse(data.toString()) as { type: string }).type);
        agent.send(data, { binary: false });
      });
      agent.on("close", () => through.close());
      through.on("close", () => agent.close());
    });
  });
  await new Promise<void>((resolve) => void door.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(door.address() as AddressInfo).port}`,
    frames,
    told,
    posts,
    close: () => {
      for (const agent of upgrader.clients) agent.terminate();
      door.close();
      door.closeAllConnections();
    },
  };
}

for (const to of ["openai-responses", "openai-chat", "anthropic-messages"] as const)
  test(
    `Codex over a WebSocket, answered by an upstream that speaks ${to}`,
    { skip, timeout: 120_000 },
    async () => {
      const upstream = await startScriptedUpstream(shellTurn);
      await using node = await startNode();
      const door = await openDoor(node.port);
      try {
        await write(node, "POST", "/api/channels", {
          name: "scripted",
          provider: "custom",
          baseUrl: to === "anthropic-messages" ? upstream.origin : `${upstream.origin}/v1`,
          models: ["gpt-5.2-codex"],
          credentials: ["vendor-secret"],
          dialects: [to],
        });
        const proof = `PROOF-${randomBytes(6).toString("hex")}`;
        const run = await runAgent(
          codexOverSocket,
          { url: door.url, key: rootKey, model: "gpt-5.2-codex" },
          {
            prompt: "Read proof.txt with `cat proof.txt` and tell me what it says.",
            files: { "proof.txt": `${proof}\n` },
          },
        );
        const told = `${run.stdout}\n${run.stderr}\n${JSON.stringify([upstream.strange, door.posts, door.told])}`;
        assert.equal(run.code, 0, told);
        assert.ok(run.stdout.includes(`It says ${proof}.`), told);
        const [prepared, first, second] = door.frames;
        assert.equal(prepared?.generate, false, told);
        assert.ok(first?.previous_response_id !== undefined, told);
        assert.ok(second?.previous_response_id !== undefined, told);
        assert.deepEqual(second.input.length, 1, "only the tool's result is new");
        assert.ok(!door.posts.some((line) => line.includes("/responses")), told);
        assert.ok(
          upstream.heard.some(({ toolResults }) => toolResults.some((one) => one.includes(proof))),
          "the upstream saw the tool's result",
        );
      } finally {
        door.close();
        await upstream.close();
      }
    },
  );
