/** `npm run record` against a vendor on this machine: what it writes plays green, and tells nothing of the account. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { openYard } from "../e2e/call-harness.ts";
import { awsFrame } from "../fakes/scripted/aws-frame.ts";
import {
  type Behaviour,
  type FakeUpstream,
  json,
  openFakeUpstream,
  reply,
} from "../fakes/upstream.ts";
import { demandClean, secretsOf, strip } from "../../tools/record/strip-secrets.ts";
import { parseCase, renderCase } from "./case-file.ts";
import { caseClock, playCase, withPlayed } from "./play-case.ts";
import { redirectTo } from "./redirect.ts";

const run = promisify(execFile);
const root = new URL("../..", import.meta.url).pathname;
const key = "sk-proj-AbCdEf0123456789TopSecret";
/** Words of the account and of the exchange that no file may hold. */
const telling = [key, "TopSecret", "org-Ab12Cd34Ef56", "session=", "req_0123", "acct", "127.0.0.1"];

interface Bench {
  readonly folder: string;
  readonly vendor: FakeUpstream;
  record(args: readonly string[], credential?: string): Promise<{ code: number; told: string }>;
}

async function open(t: TestContext, behaviour: Behaviour): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), "switchyard-record-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const vendor = await openFakeUpstream(behaviour);
  t.after(() => vendor.close());
  const record: Bench["record"] = async (args, credential = key) => {
    const command = ["tools/record.ts", ...args, "--folder", folder];
    const env = { ...process.env, SWITCHYARD_RECORD_KEY: credential };
    try {
      const { stdout } = await run(process.execPath, command, { cwd: root, env });
      return { code: 0, told: stdout };
    } catch (error) {
      const { code, stderr } = error as { code: number; stderr: string };
      return { code, told: stderr };
    }
  };
  return { folder, vendor, record };
}

function bodyFile(bench: Bench, body: object): string {
  const path = join(bench.folder, "body.json");
  writeFileSync(path, JSON.stringify(body));
  return path;
}

/** Plays a written case as cases.test.ts does. */
async function playedAgain(t: TestContext, path: string): Promise<string> {
  const upstream = await openFakeUpstream(reply("{}"));
  t.after(() => upstream.close());
  const origin = `http://127.0.0.1:${upstream.port}`;
  const spec = { channels: [], clock: caseClock, upstream: redirectTo(() => origin) };
  const yard = await openYard(t, spec);
  const file = parseCase(readFileSync(path, "utf8"));
  return renderCase(withPlayed(file, await playCase(file, path, { yard, upstream })));
}

const headers = {
  "openai-organization": "acct-of-mine",
  "set-cookie": "session=1",
  "x-request-id": "req_0123",
};

const chatReply = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1_790_000_000,
  model: "gpt-x",
  choices: [
    {
      index: 0,
      message: { role: "assistant", content: `Hello from org-Ab12Cd34Ef56 to ${key}` },
      finish_reason: "stop",
    },
  ],
  usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
};

test("a whole reply: written without the account's words, plays green, and is recorded anew", async (t) => {
  const bench = await open(t, json(chatReply, headers));
  const body = bodyFile(bench, { model: "gpt-x", messages: [{ role: "user", content: "Hello" }] });
  const base = ["--base-url", bench.vendor.baseUrl];
  const made = await bench.record([
    ..."openai chat-recorded --front chat --about".split(" "),
    "OpenAI says hello.",
    "--body",
    body,
    ...base,
  ]);
  assert.deepEqual(made.code, 0, made.told);
  const path = join(bench.folder, "chat-recorded.case");
  const text = readFileSync(path, "utf8");
  for (const word of telling) assert.ok(!text.includes(word), `${word} in ${text}`);
  assert.match(text, /^OpenAI says hello\.\n# Recorded \d{4}-\d\d-\d\d from a URL of its own\.\n/);
  assert.match(text, /POST https:\/\/vendor\.example\/v1\/chat\/completions\n/);
  assert.match(text, /authorization: Bearer <credential>/);
  assert.match(text, /Hello from org-redacted to <credential>/);
  assert.match(text, /"usage":\{"input":7,"output":3\}/);
  assert.equal(await playedAgain(t, path), text);
  assert.equal(bench.vendor.requests[0]?.headers.authorization, `Bearer ${key}`);
  bench.vendor.behave(json({ ...chatReply, model: "gpt-y" }, headers));
  const again = await bench.record(["openai", "chat-recorded", ...base]);
  assert.equal(again.code, 0, again.told);
  const renewed = readFileSync(path, "utf8");
  assert.equal(
    renewed,
    text.replaceAll(/("model": |"modelReported":)"gpt-x"/g, '$1"gpt-y"').replace(
      // What the caller asked for is as it was.
      /--- call[^]*?--- response/,
      /--- call[^]*?--- response/.exec(text)?.[0] ?? "",
    ),
  );
});

test("a stream with CRLF, of a row, by callers of another API", async (t) => {
  const events = [
    { choices: [{ index: 0, delta: { role: "assistant", content: "Hel" }, finish_reason: null }] },
    { choices: [{ index: 0, delta: { content: "lo" }, finish_reason: "stop" }] },
    { choices: [], usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 } },
  ].map(
    (event) =>
      `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", ...event })}\r\n\r\n`,
  );
  const stream = reply([...events, "data: [DONE]\r\n\r\n"].join(""), {
    ...headers,
    "content-type": "text/event-stream",
  });
  const bench = await open(t, stream);
  const body = bodyFile(bench, {
    model: "llama-x",
    max_tokens: 9,
    stream: true,
    messages: [{ role: "user", content: "Hello" }],
  });
  const made = await bench.record([
    ..."groq chat-stream --front messages --about".split(" "),
    "Groq streams.",
    "--body",
    body,
    "--base-url",
    bench.vendor.baseUrl,
    "--dialect",
    "openai-chat",
  ]);
  assert.equal(made.code, 0, made.told);
  const path = join(bench.folder, "groq-chat-stream.case");
  const text = readFileSync(path, "utf8");
  for (const word of telling) assert.ok(!text.includes(word), `${word} in ${text}`);
  assert.match(text, /x-case-body: crlf/);
  assert.match(text, /--- events\n200\n\nevent: message_start/);
  assert.equal(await playedAgain(t, path), text);
});

test("frames of AWS: read as lines, the account's number taken out, both halves of the credential gone", async (t) => {
  const secret = "AKIAIOSFODNN7EXAMPLE|wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  const arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/x";
  const frames = [
    awsFrame("messageStart", '{"role":"assistant"}'),
    awsFrame(
      "contentBlockDelta",
      JSON.stringify({ contentBlockIndex: 0, delta: { text: `Hi ${arn}` } }),
    ),
    awsFrame("contentBlockStop", '{"contentBlockIndex":0}'),
    awsFrame("messageStop", '{"stopReason":"end_turn"}'),
    awsFrame("metadata", '{"usage":{"inputTokens":3,"outputTokens":2,"totalTokens":5}}'),
  ];
  const type = { "content-type": "application/vnd.amazon.eventstream" };
  const bench = await open(t, reply(Buffer.concat(frames), type));
  const body = bodyFile(bench, {
    model: "amazon.nova-x",
    stream: true,
    messages: [{ role: "user", content: "Hello" }],
  });
  const base = `http://127.0.0.1:${bench.vendor.port}`;
  const made = await bench.record(
    [
      ..."bedrock converse-recorded --front chat --about".split(" "),
      "Nova streams.",
      "--body",
      body,
      "--base-url",
      base,
      "--setting",
      "region=us-east-1",
    ],
    secret,
  );
  assert.equal(made.code, 0, made.told);
  const path = join(bench.folder, "converse-recorded.case");
  const text = readFileSync(path, "utf8");
  for (const word of [...secret.split("|"), "123456789012", "127.0.0.1"])
    assert.ok(!text.includes(word), `${word} in ${text}`);
  assert.match(text, /^contentBlockDelta \{.*us-east-1:000000000000:inference-profile/m);
  assert.match(text, /authorization: AWS4-HMAC-SHA256 <signature>/);
  assert.match(text, /"region":"us-east-1"/);
  assert.equal(await playedAgain(t, path), text);
});

test("what cannot be recorded leaves no file and says why", async (t) => {
  const bench = await open(t, json(chatReply));
  const files = (): string[] => readdirSync(bench.folder).filter((name) => name.endsWith(".case"));
  const body = bodyFile(bench, { model: "m", messages: [] });
  const tries: readonly (readonly [string[], RegExp, number])[] = [
    [["openai"], /usage: npm run record/, 2],
    [["openai", "chat-none"], /does not exist; --front and --body/, 2],
    [["nobody", "chat-x"], /no provider is called nobody/, 2],
    [["openai", "Chat"], /a case is named/, 2],
    [["openai", "chat-x", "--body", body, "--about", "no stop"], /--about must say/, 2],
    [["openai", "chat-x", "--body", body, "--about", "A.", "--front", "x"], /--front must be/, 2],
    [["openai", "chat-x", "--strange"], /Unknown option/, 2],
    [["openai", "chat-x", "--setting", "region", "--body", body, "--about", "A."], /KEY=VALUE/, 2],
    [
      ["openai", "chat-x", "--credential-file", "/none", "--body", body, "--about", "A."],
      /does not exist/,
      2,
    ],
    [
      ["openai", "chat-x", "--body", body, "--about", "A.", "--base-url", "http://127.0.0.1:1"],
      /the vendor was not reached; the gateway said/,
      1,
    ],
  ];
  await Promise.all(
    tries.map(async ([args, said, code]) => {
      const got = await bench.record(args);
      assert.match(got.told, said);
      assert.equal(got.code, code, got.told);
    }),
  );
  const keyless = await bench.record(["openai", "chat-x", "--body", body, "--about", "A."], "");
  assert.match(keyless.told, /openai wants a credential/);
  assert.deepEqual(files(), []);
});

test("secrets in each of their forms", () => {
  const account = JSON.stringify({
    type: "service_account",
    project_id: "acme-prod",
    private_key: "-----BEGIN\nabc",
    client_email: "gateway@acme-prod.iam.gserviceaccount.com",
    token_uri: "https://oauth2.googleapis.com/token",
  });
  const secrets = secretsOf(account);
  assert.ok(secrets.includes("acme-prod") && !secrets.includes("service_account"));
  const replaced = secrets.map((secret) => ({ secret, by: "<credential>" }));
  const told = strip("gateway@acme-prod.iam.gserviceaccount.com of acme-prod", replaced);
  assert.equal(told, "<credential> of <credential>");
  assert.equal(
    strip("key sk-ab12****************9f of someone@acme.io", []),
    "key sk-redacted of someone@example.com",
  );
  assert.equal(strip("a mask-like ask-me, 12 keys", []), "a mask-like ask-me, 12 keys");
  for (const form of [key, Buffer.from(key).toString("base64"), encodeURIComponent(key)])
    assert.throws(() => demandClean(`x ${form} y`, [key]), /nothing was written/);
  demandClean("x y", [key]);
  assert.ok(!existsSync(join(root, "body.json")));
});
