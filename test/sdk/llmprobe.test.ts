/**
 * An independent conformance suite against a real node, once for each API that an upstream can speak: no requirement
 * fails but what that API cannot tell or refuses, and none goes unexamined because the model did not play along.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { write } from "../e2e/cluster.ts";
import { type GatewayNode, rootKey, startNode } from "../e2e/nodes.ts";
import { openMind } from "../fakes/scripted/mind.ts";
import type { ScriptedApi } from "../fakes/scripted/turn.ts";
import { type Vendor, startVendor } from "../fakes/scripted/vendor.ts";

const program = fileURLToPath(
  new URL("node_modules/llmprobe/bin/dist/llmprobe.mjs", import.meta.url),
);
/** Makes forms that llmprobe can send. */
const form = new URL("form-as-blob.ts", import.meta.url).href;

interface Upstream {
  readonly api: ScriptedApi;
  readonly dialect: string;
  /** Behind the vendor's origin. */
  readonly base: string;
  /** The vendor's name of the model, which decides how it is asked to think. */
  readonly model: string;
  /** Requirements that fail, with the reason why nobody can meet them here. */
  readonly impossible: Readonly<Record<string, string>>;
  /** What cannot be examined at all: the answer is an honest refusal, or llmprobe has no check. */
  readonly unsupported: readonly string[];
  /** So many requirements were met when this was written; fewer means that some are no longer examined. */
  readonly met: number;
}

/** Limits' headers are not told yet; OpenAI's API has no place for a history of thoughts in plain text. */
const nowhere = [
  "chat-rate-limit-headers",
  "messages-rate-limit-headers",
  "responses-mcp-tools",
  "responses-rate-limit-headers",
  "responses-reasoning-roundtrip",
];

const floor = "OpenAI's Responses refuse output limits below 16, so smaller ones are raised to it";

const upstreams: readonly Upstream[] = [
  {
    api: "chat",
    dialect: "openai-chat",
    base: "/v1",
    model: "own-model",
    impossible: {},
    unsupported: [...nowhere, "responses-background"],
    met: 294,
  },
  {
    api: "responses",
    dialect: "openai-responses",
    base: "/v1",
    model: "own-model",
    impossible: { "chat-max-tokens-respected": floor, "messages-max-tokens-respected": floor },
    unsupported: nowhere,
    met: 288,
  },
  {
    api: "messages",
    dialect: "anthropic-messages",
    base: "",
    model: "claude-opus-4-6",
    impossible: {},
    // A budget for thoughts above the output limit is refused by Anthropic too.
    unsupported: [...nowhere, "messages-reasoning-cap", "responses-background"],
    met: 295,
  },
  {
    api: "gemini",
    dialect: "gemini-content",
    base: "/v1beta",
    model: "gemini-2.5-flash",
    impossible: { "messages-stop-reason": "Gemini does not tell stop sequences from other ends" },
    unsupported: [...nowhere, "responses-background"],
    met: 289,
  },
];

interface Finding {
  readonly id: string;
  readonly outcome: string;
  readonly reason?: string;
  readonly failures: readonly { id: string; severity: string; message?: string }[];
}

interface Report {
  readonly conformance: {
    readonly passed: number;
    readonly total: number;
    readonly results: readonly Finding[];
  };
}

/** A channel that speaks only this API, and one for what that API has no word for. */
async function openChannels(node: GatewayNode, vendor: Vendor, upstream: Upstream): Promise<void> {
  const models = [upstream.api];
  const shared = { provider: "custom", models, credentials: ["sk-upstream"] };
  await write(node, "POST", "/api/channels", {
    ...shared,
    name: "own",
    baseUrl: vendor.origin + upstream.base,
    modelMapping: { [upstream.api]: upstream.model },
    dialects: [upstream.dialect],
  });
  await write(node, "POST", "/api/channels", {
    ...shared,
    name: "media",
    baseUrl: `${vendor.origin}/v1`,
    dialects: ["openai-chat", "openai-media"],
    priority: -1,
  });
}

interface Ran {
  readonly report: Report;
  readonly exitCode: number;
}

function run(args: readonly string[], home: string): Promise<{ code: number; output: string }> {
  const env = { PATH: process.env["PATH"], HOME: home };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ["--import", form, program, ...args],
      { timeout: 50_000, maxBuffer: 1 << 26, env },
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), output: stdout + stderr }),
    );
  });
}

async function probe(node: GatewayNode, model: string, home: string): Promise<Ran> {
  const file = join(home, "report.json");
  const options = ["--no-save", "--no-bench", "--full", "--json", "--save", file];
  const { code, output } = await run(
    [`127.0.0.1:${node.port}`, "-k", rootKey, "-m", model, ...options],
    home,
  );
  assert.ok(code === 0 || code === 1, `it ended with ${code}:\n${output.slice(-2000)}`);
  return { report: JSON.parse(readFileSync(file, "utf8")) as Report, exitCode: code };
}

const named = (findings: readonly Finding[], outcome: string): string[] =>
  findings
    .filter((finding) => finding.outcome === outcome)
    .map(({ id }) => id)
    .toSorted();

for (const upstream of upstreams)
  test(`llmprobe over an upstream of ${upstream.api}`, { timeout: 60_000 }, async (t) => {
    const home = mkdtempSync(join(tmpdir(), "llmprobe-"));
    const vendor = await startVendor(openMind());
    t.after(async () => {
      await vendor.close();
      rmSync(home, { recursive: true, force: true });
    });
    await using node = await startNode();
    await openChannels(node, vendor, upstream);
    const { report, exitCode } = await probe(node, upstream.api, home);
    const { passed, total, results } = report.conformance;
    const failed = results
      .flatMap(({ failures }) => failures)
      .filter(({ severity }) => severity === "MUST");
    const impossible = Object.keys(upstream.impossible);
    assert.deepEqual(
      failed.map(({ id }) => id).toSorted(),
      impossible.toSorted(),
      JSON.stringify(failed, null, 1),
    );
    assert.equal(exitCode, impossible.length === 0 ? 0 : 1);
    assert.deepEqual(named(results, "inconclusive"), []);
    assert.deepEqual(named(results, "unreachable"), []);
    assert.deepEqual(named(results, "skipped"), []);
    assert.deepEqual(named(results, "unsupported"), upstream.unsupported.toSorted());
    assert.equal(total - passed, impossible.length);
    assert.ok(passed >= upstream.met, `${passed} of ${total} requirements`);
    // All but what that API cannot say went to the upstream in question.
    const own = vendor.heard.filter(({ api }) => api === upstream.api).length;
    assert.ok(own >= 200, `${own} conversations`);
    assert.ok(vendor.heard.length - own <= 60, `${vendor.heard.length - own} elsewhere`);
  });
