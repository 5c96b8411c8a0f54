/**
 * One suite that every provider passes. For each of its conversational endpoints, and callers of other APIs and its own,
 * the same table runs through a real node: what arrives at the vendor (address, credential, headers, body), what the
 * caller understands, what is counted, and what becomes of errors and broken streams. The rows come from the manifests;
 * what a manifest says a provider lacks must be refused.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { CallRecord } from "../../src/log/call-record.ts";
import type { Capability } from "../../src/providers/contract.ts";
import { type Yard, openYard, testKey } from "../e2e/call-harness.ts";
import { type SpokenTurn, historyOf } from "../fakes/scripted/history.ts";
import { usage } from "../fakes/scripted/turn.ts";
import {
  type Caller,
  type Heard,
  type PastCall,
  type Question,
  ask,
  askedBetas,
  callers,
  tools,
} from "./callers.ts";
import { redirectTo } from "./redirect.ts";
import { type Target, expectedAuth, targets } from "./sample-channel.ts";
import {
  type Answer,
  type Asked,
  type ScriptedVendor,
  exchangedToken,
  startScriptedVendor,
} from "./scripted-vendor.ts";
import { quirkFaults } from "./quirk-faults.ts";

const text = "Grüße — it is 18 °C in Köln, 北京 is warmer. 🌦";
const system = "Answer in few words — 简短.";
const first = { name: "weather", arguments: { city: "Köln", days: [1, 2], unit: { kind: "°C" } } };
const second = { name: "clock", arguments: {} };
/** A red pixel. */
const image =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
const past: readonly PastCall[] = [
  { ...first, result: "18 °C" },
  { ...second, result: "noon" },
];

/** What the vendor says by the last words of the user. */
const script: Readonly<Record<string, Answer>> = {
  "say it": { text },
  "think and say it": { text, reasoning: "Let me see." },
  "call one": { calls: [first] },
  "call both": { text: "Both.", calls: [first, second] },
  "be cut off": { text, cutOff: true },
  "end early": { text, fault: { kind: "end", kept: 0.5 } },
  "break off": { text, fault: { kind: "break", kept: 0.5 } },
  "break a call": { calls: [first], fault: { kind: "end", kept: 0.6 } },
  "be strange": { text, fault: { kind: "strange" } },
};

const refusals: Readonly<Record<string, { status: number; shown: number; error: string }>> = {
  "be refused": { status: 400, shown: 400, error: "upstream_refused" },
  "know nobody": { status: 401, shown: 502, error: "upstream_auth" },
  "be busy": { status: 429, shown: 429, error: "upstream_overloaded" },
  "be broken": { status: 500, shown: 502, error: "upstream_failed" },
};

const says = "the vendor says why";

function answerTo(topic: string, target: Target): Answer {
  const refusal = refusals[topic];
  const answer: Answer =
    refusal === undefined
      ? (script[topic] ?? { text: `nobody wrote an answer to ${topic}` })
      : { fault: { kind: "refuse", status: refusal.status, message: says } };
  const { endpoint, provider } = target;
  // Claude behind Google answers for itself, but Google minds the door.
  const isDoor = provider.auth.kind === "google" && [401, 429].includes(refusal?.status ?? 0);
  return {
    ...answer,
    usageUnasked: endpoint.dialect === "openai-chat" && !endpoint.usageOptIn,
    ...(isDoor ? { errors: "google" as const } : {}),
    ...(provider.auth.kind === "azure" && refusal?.status === 401
      ? { errors: "azure" as const }
      : {}),
  };
}

/** Tokens as they are to be counted, by what the API tells of them. Cohere bills without what its cache held. */
function expectedUsage({ endpoint }: Target): Pick<CallRecord["usage"], "input" | "output"> & {
  readonly cacheRead: number;
  readonly reasoning: number;
} {
  const { input, cached, output, reasoning } = usage;
  switch (endpoint.dialect) {
    case "openai-chat":
    case "openai-responses":
    case "gemini-content":
      return { input: input - cached, cacheRead: cached, output, reasoning };
    case "cohere-v2":
      return { input: input - cached, cacheRead: 0, output, reasoning: 0 };
    case "ollama-chat":
    case "coze-v3":
    case "replicate-predictions":
      return { input, cacheRead: 0, output, reasoning: 0 };
    default:
      return { input: input - cached, cacheRead: cached, output, reasoning: 0 };
  }
}

const credentialHeaders = ["authorization", "x-api-key", "api-key", "x-goog-api-key", "xi-api-key"];

/** Address, credential and headers, as the manifest promises them. */
function checkArrival(target: Target, caller: Caller, asked: Asked): void {
  const { endpoint, model } = target;
  const { heard, headers, body } = asked;
  assert.equal(asked.complaint, undefined, JSON.stringify(body));
  assert.equal(asked.method, "POST");
  assert.equal(asked.url, target.url(heard.stream));
  if (endpoint.dialect !== "gemini-content") assert.equal(heard.model, model);
  const all = JSON.stringify(headers) + JSON.stringify(body);
  assert.ok(!all.includes(testKey) && !all.includes("CALLER-SECRET"), all);
  const auth = expectedAuth(target);
  const hasCredential = target.channel.credentials?.length === 1;
  for (const name of credentialHeaders) {
    if (name !== auth.name || !hasCredential) assert.equal(headers[name], undefined, name);
  }
  if (hasCredential) {
    const shown = String(headers[auth.name]);
    if (typeof auth.value === "string") assert.equal(shown, auth.value);
    else assert.match(shown, auth.value);
  }
  assert.equal(headers["accept-encoding"], "identity");
  for (const name of ["cookie", "x-forwarded-for", "openai-organization", "x-goog-user-project"])
    assert.equal(headers[name], undefined, name);
  for (const name of endpoint.omit ?? []) assert.ok(!(name in body), name);
  for (const [name, value] of Object.entries(endpoint.add ?? {}))
    assert.deepEqual(body[name], value);
  checkClaudesWords(target, caller, asked);
  if (endpoint.dialect !== "openai-chat") return;
  const wish = heard.stream && endpoint.usageOptIn ? { include_usage: true } : undefined;
  assert.deepEqual(body["stream_options"], wish);
}

/** The version of Anthropic's API, and the betas that this provider takes. */
function checkClaudesWords({ endpoint, provider }: Target, caller: Caller, asked: Asked): void {
  const { headers, body } = asked;
  if (endpoint.dialect !== "anthropic-messages") {
    assert.equal(headers["anthropic-version"], undefined);
    assert.equal(headers["anthropic-beta"], undefined);
    return;
  }
  if (endpoint.add?.["anthropic_version"] === undefined)
    assert.equal(headers["anthropic-version"], "2023-06-01");
  if (caller.id !== "anthropic-messages") return;
  const taken = askedBetas.filter((word) => provider.betas?.includes(word) ?? true);
  const inBody = endpoint.betasInBody === true;
  assert.equal(headers["anthropic-beta"], inBody ? undefined : taken.join(","));
  assert.deepEqual(body["anthropic_beta"], inBody ? taken : undefined);
}

/** Whether an endpoint answers whole, whatever callers want: they are told the whole as a stream. */
const answersWhole = ({ endpoint }: Target): boolean =>
  endpoint.dialect === "replicate-predictions";

const fewTurns = (topic: string): readonly SpokenTurn[] => [{ role: "user", text: topic }];
const manyTurns = (topic: string): readonly SpokenTurn[] => [
  { role: "user", text: "hello" },
  { role: "assistant", text: "hello yourself" },
  { role: "user", text: topic },
];

/** One endpoint and callers of one API: asks, and checks what holds for every exchange. */
class Bench {
  readonly target: Target;
  readonly caller: Caller;
  readonly #vendor: ScriptedVendor;
  readonly #yard: Yard;
  record: CallRecord | undefined;

  constructor(parts: { target: Target; caller: Caller; vendor: ScriptedVendor; yard: Yard }) {
    this.target = parts.target;
    this.caller = parts.caller;
    this.#vendor = parts.vendor;
    this.#yard = parts.yard;
  }

  get translated(): boolean {
    return this.target.endpoint.dialect !== this.caller.id;
  }

  lacks(...capabilities: readonly Capability[]): boolean {
    return capabilities.some((one) => this.target.lacks.includes(one));
  }

  /** Undefined `asked`: the vendor heard nothing. */
  async ask(
    topic: string,
    stream: boolean,
    more: Partial<Question> = {},
  ): Promise<{ heard: Heard; asked: Asked | undefined }> {
    const { target, caller } = this;
    this.#vendor.clear();
    const before = this.#yard.records.length;
    const heard = await ask(this.#yard.url, caller, {
      model: target.alias,
      stream,
      turns: fewTurns(topic),
      ...more,
    });
    this.record = await this.#yard.recorded(before + 1);
    const [asked, ...again] = this.#vendor.asked;
    assert.deepEqual([again, this.#vendor.strange], [[], []]);
    if (asked !== undefined) {
      const streams = stream || target.endpoint.streamsOnly === true;
      assert.equal(asked.heard.stream, streams && !answersWhole(target));
      checkArrival(target, caller, asked);
      if (this.translated)
        assert.deepEqual(quirkFaults(target.endpoint.quirks ?? [], asked.body), []);
    }
    // Long enough that ids drawn by chance never hold one.
    for (const secret of ["sk-vendor", exchangedToken, "AKIASAMPLE", "PRIVATE KEY"])
      assert.ok(!heard.raw.includes(secret), "a credential reached the caller");
    return { heard, asked };
  }

  /** A whole answer: text, tool calls, finish, name, and tokens as the caller is told them and as they are billed. */
  answered(heard: Heard, expected: { finish: Heard["finish"]; text?: string; calls?: unknown[] }) {
    const { understood, raw } = heard;
    assert.equal(heard.status, 200, raw);
    assert.deepEqual(
      [understood.whole || expected.finish === "length", understood.error],
      [true, ""],
      raw,
    );
    if (expected.text !== undefined) assert.equal(understood.text, expected.text, raw);
    assert.deepEqual(understood.calls, expected.calls ?? [], raw);
    assert.equal(heard.finish, expected.finish, raw);
    assert.equal(understood.model, this.target.alias, raw);
    const wanted = expectedUsage(this.target);
    const { outcome, error, usage: billed, modelSent } = this.record!;
    assert.deepEqual([outcome, error, modelSent], ["complete", null, this.target.model], raw);
    if (this.lacks("usage")) return assert.equal(billed.estimated, true);
    const { input, cacheRead, output, reasoning } = billed;
    assert.deepEqual({ input, cacheRead, output, reasoning }, wanted, raw);
    assert.equal(billed.estimated, false);
    const seen = { input: input + cacheRead, cached: cacheRead, output };
    assert.deepEqual(heard.tokens, seen, raw);
    return undefined;
  }

  /** What the manifest says is lacking is refused by name, and the vendor hears nothing of it. */
  async refused(field: RegExp, stream: boolean, question: Partial<Question>): Promise<void> {
    const { heard, asked } = await this.ask("say it", stream, question);
    assert.equal(heard.status, 400, heard.raw);
    assert.match(heard.understood.error, field);
    assert.equal(asked, undefined);
  }
}

async function checkText(bench: Bench, stream: boolean): Promise<void> {
  const turns = manyTurns("say it");
  if (bench.lacks("system"))
    await bench.refused(/system|instructions|messages/i, stream, { system });
  const { heard, asked } = await bench.ask("say it", stream, {
    turns,
    ...(bench.lacks("system") ? {} : { system }),
  });
  bench.answered(heard, { finish: "stop", text });
  const history = historyOf(asked!.heard);
  assert.deepEqual(history.turns, turns);
  if (!bench.lacks("system")) assert.equal(history.system, system);
}

async function checkTools(bench: Bench, stream: boolean): Promise<void> {
  if (bench.lacks("tools")) return bench.refused(/tools/, stream, { tools: true });
  const one = await bench.ask("call one", stream, { tools: true });
  bench.answered(one.heard, { finish: "tools", calls: [first] });
  const offered = one.asked!.heard.tools;
  assert.deepEqual(
    offered.map(({ name }) => name),
    tools.map(({ name }) => name),
  );
  assert.deepEqual(Object.keys(Object(offered[0]!.schema["properties"])), ["city", "days", "unit"]);
  const fragmented = !["gemini-content", "ollama-chat"].includes(bench.target.endpoint.dialect);
  const tells = stream && fragmented && bench.caller.id !== "gemini-content";
  if (tells && !bench.lacks("streamed-arguments"))
    assert.ok(one.heard.fragments > 2, `arguments came in ${one.heard.fragments} pieces`);
  return undefined;
}

async function checkParallelTools(bench: Bench, stream: boolean): Promise<void> {
  if (bench.lacks("tools")) return undefined;
  if (bench.lacks("parallel-tools"))
    return bench.refused(/messages|input|contents/, stream, { tools: true, past });
  const both = await bench.ask("call both", stream, { tools: true });
  bench.answered(both.heard, { finish: "tools", text: "Both.", calls: [first, second] });
  const { heard, asked } = await bench.ask("say it", stream, { tools: true, past });
  bench.answered(heard, { finish: "stop", text });
  const { calls, results } = historyOf(asked!.heard);
  assert.equal(calls.length, 2);
  assert.deepEqual(results.toSorted(), calls.toSorted(), "each call has its own result");
  for (const { result } of past)
    assert.ok(JSON.stringify(asked!.body).includes(result), "what the tools gave arrives");
  return undefined;
}

async function checkEndings(bench: Bench, stream: boolean): Promise<void> {
  const cutOff = await bench.ask("be cut off", stream);
  bench.answered(cutOff.heard, { finish: bench.lacks("cut-off") ? "stop" : "length", text });
  const thought = await bench.ask("think and say it", stream);
  bench.answered(thought.heard, { finish: "stop", text });
}

async function checkImage(bench: Bench, stream: boolean): Promise<void> {
  const question = { turns: fewTurns("say it"), image };
  if (bench.lacks("images", "inline-images"))
    return bench.refused(/images|messages|input|contents/, stream, question);
  const { heard, asked } = await bench.ask("say it", stream, question);
  bench.answered(heard, { finish: "stop", text });
  assert.ok(JSON.stringify(asked!.body).includes(image), "the picture arrives");
  return undefined;
}

async function checkErrors(bench: Bench, stream: boolean): Promise<void> {
  for (const [topic, { shown, error }] of Object.entries(refusals)) {
    const { heard } = await bench.ask(topic, stream);
    assert.equal(heard.status, shown, `${topic}: ${heard.raw}`);
    assert.notEqual(heard.understood.error, "", heard.raw);
    assert.equal(heard.understood.whole, false, heard.raw);
    assert.equal(bench.record?.error, error, topic);
    if (shown === 400) assert.match(heard.understood.error, new RegExp(says));
    if (shown === 429) assert.equal(heard.headers.get("retry-after"), "7");
  }
}

async function checkBrokenStreams(bench: Bench): Promise<void> {
  const topics = ["end early", "break off", ...(bench.lacks("tools") ? [] : ["break a call"])];
  for (const topic of topics) {
    const { heard } = await bench.ask(topic, true, { tools: topic === "break a call" });
    assert.equal(heard.understood.whole, false, `${topic}: ${heard.raw}`);
    assert.notEqual(heard.understood.error, "", `${topic}: ${heard.raw}`);
    // Where calls come whole, each in one event, callers of Gemini's API have had one before the stream broke.
    const comesWhole = ["gemini-content", "ollama-chat"].includes(bench.target.endpoint.dialect);
    if (bench.caller.id !== "gemini-content" || !comesWhole)
      assert.deepEqual(heard.understood.calls, [], topic);
    const isNoJson = topic === "end early" && answersWhole(bench.target);
    assert.equal(bench.record?.error, isNoJson ? "upstream_invalid" : "upstream_truncated", topic);
  }
  const { heard } = await bench.ask("be strange", true);
  if (bench.translated) bench.answered(heard, { finish: "stop", text });
  else assert.deepEqual([heard.understood.text, heard.understood.whole], [text, true], heard.raw);
}

const checks: Readonly<Record<string, (bench: Bench, stream: boolean) => Promise<void>>> = {
  "text, instructions and history": checkText,
  "a tool call": checkTools,
  "several tool calls and their results": checkParallelTools,
  "why it ended": checkEndings,
  "a picture": checkImage,
  "the vendor's errors": checkErrors,
};

/** All fronts for vendors with an API of their own; for the many compatible ones those two that most callers speak. */
const callersOf = ({ compatible }: Target): readonly Caller[] =>
  callers.filter(({ id }) => !compatible || id === "openai-chat" || id === "anthropic-messages");

async function runBench(t: TestContext, bench: Bench): Promise<void> {
  for (const [name, check] of Object.entries(checks))
    await t.test(name, async () => {
      await check(bench, false);
      if (bench.lacks("streaming")) await bench.refused(/stream/, true, {});
      else await check(bench, true);
    });
  if (!bench.lacks("streaming"))
    await t.test("broken streams, and events nobody knows", () => checkBrokenStreams(bench));
}

const byProvider = Map.groupBy(targets, ({ provider }) => provider);

test("the table has every provider that converses", () => {
  assert.ok(byProvider.size > 50 && targets.length > 90, `${byProvider.size}, ${targets.length}`);
});

for (const [provider, own] of byProvider)
  test(`${provider.id} (${provider.label})`, async (t) => {
    let current: Target = own[0]!;
    const vendor = await startScriptedVendor((heard) => {
      const topic = historyOf(heard).turns.findLast(({ role }) => role === "user")?.text ?? "";
      return answerTo(topic, current);
    });
    t.after(() => vendor.close());
    const yard = await openYard(t, {
      channels: own.map(({ channel }) => channel),
      settings: { retryTimes: 0, cooldownSeconds: 0 },
      upstream: redirectTo(() => vendor.origin),
    });
    for (const target of own)
      for (const caller of callersOf(target))
        await t.test(`${target.endpoint.dialect} for callers of ${caller.id}`, async (inner) => {
          current = target;
          await runBench(inner, new Bench({ target, caller, vendor, yard }));
        });
  });
