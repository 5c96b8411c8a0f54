/**
 * Tool loops of three steps between every client and every vendor: parallel calls, thoughts with signatures, images in
 * results. Each vendor holds each request to its documentation, as does each client each answer.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { silentLogger } from "../../src/core/logger.ts";
import { deriveKey } from "../../src/core/seal.ts";
import { makeStateParts } from "../../src/gateway/state/state-parts.ts";
import { type Said, asObject } from "../fakes/scripted/turn.ts";
import { type Yard, openYard } from "./call-harness.ts";
import { openFresh } from "../store/open-fresh.ts";
import { type LoopClient, type Told, keptClient, loopClients } from "./loop-clients.ts";
import type { Role } from "./demand-case.ts";
import { type LoopVendor, LoopWorld, roles, turnsOf } from "./loop-vendors.ts";

/** `#` is the answer's mark. */
const steps: readonly Said[] = [
  {
    reasoning: "I think of #.\n\nSecond thought, #.",
    text: "Let me look, #.",
    calls: [
      { name: "look", arguments: { key: "#-0", more: { list: [1, "é"] } } },
      { name: "read", arguments: { key: "#-1" } },
    ],
  },
  {
    reasoning: "Once more of #.",
    calls: [
      { name: "read", arguments: { key: "#-0" } },
      { name: "read", arguments: { key: "#-1" } },
    ],
  },
  { reasoning: "Enough of #.", text: "It is #." },
];

function spoken(role: Role, said: Said): Said {
  const { reasoning: _reasoning, ...silent } = said;
  return role.silent === true ? silent : said;
}

function agrees(told: Told, said: Said, reads: boolean): void {
  const what = said.mark ?? "";
  assert.equal(told.text, said.text ?? "", what);
  if (reads) assert.equal(told.reasoning, said.reasoning ?? "", what);
  assert.deepEqual(told.calls, said.calls ?? [], what);
}

/** Runs the loop, the vendor of each step as given; answers all faults that the vendors found. */
async function runLoop(
  client: LoopClient,
  url: string,
  turns: readonly { readonly vendor: LoopVendor; readonly use?: () => Promise<void> }[],
  streamed: boolean,
): Promise<void> {
  client.ask(
    "What is on this picture?",
    turns.every(({ vendor }) => vendor.role.blind !== true),
  );
  const blind = turns.some(({ vendor }) => vendor.role.blind !== undefined);
  for (const [index, { vendor, use }] of turns.entries()) {
    await use?.();
    const step = steps[index % steps.length] ?? {};
    const said = vendor.willSay(spoken(vendor.role, step));
    agrees(await client.send(url, streamed), said, client.reads || !streamed);
    const calls = said.calls ?? [];
    if (calls.length === 0) client.ask("And now?");
    else
      client.answer(
        calls.map((_call, at) => ({
          text: `result ${index} ${at}`,
          image: at === 0 && index % 3 === 0 && !blind && shows(client, vendor),
        })),
      );
  }
}

/** OpenAI takes no images from tools: whoever sends them there is refused by OpenAI itself. */
function shows(client: LoopClient, { role }: LoopVendor): boolean {
  return client.front !== "openai-chat" || role.dialect !== "openai-chat";
}

/** Marks of caching wander from turn to turn; what they stand on stays. */
function withoutMarks(value: unknown): string {
  const marks = ["cache_control", "prompt_cache_breakpoint"];
  const isPoint = (one: unknown): boolean => "cachePoint" in asObject(one);
  return JSON.stringify(value, (name, inner: unknown) =>
    marks.includes(name)
      ? undefined
      : Array.isArray(inner)
        ? inner.filter((one) => !isPoint(one))
        : inner,
  );
}

const changing = ["messages", "contents", "input"];

/** What a vendor's cache has of a request is the beginning of the next one, byte for byte. */
function keepsBeginnings({ bodies }: LoopVendor, complete: boolean): void {
  // Claude must not think on where the thoughts before were lost.
  const wishes = complete ? [] : ["thinking", "additionalModelRequestFields"];
  for (const [index, body] of bodies.slice(1).entries()) {
    const before = bodies[index]!;
    const rest = (one: typeof body): string =>
      withoutMarks(
        Object.entries(one).filter(([name]) => ![...changing, ...wishes].includes(name)),
      );
    assert.equal(rest(body), rest(before), `members of request ${index + 2}`);
    const turns = turnsOf(body).map(withoutMarks);
    const known = turnsOf(before).map(withoutMarks);
    assert.deepEqual(turns.slice(0, known.length), known, `turns of request ${index + 2}`);
  }
}

function worldOf(client: LoopClient, streamed: boolean): LoopWorld {
  const world = new LoopWorld();
  world.complete = client.complete || (!client.reads && !streamed);
  world.streamed = streamed;
  world.front = client.front;
  world.ids = client.ids;
  world.texts = client.front !== "anthropic-messages";
  world.chunked = client.chunked;
  return world;
}

for (const make of loopClients)
  for (const role of Object.values(roles) as Role[])
    test(`tool loop: ${make().name} with ${role.key}`, async (t) => {
      const yard = await openYard(t, { channels: [] });
      const other = await openYard(t, { channels: [] });
      for (const streamed of [false, true]) {
        const client = make();
        const world = worldOf(client, streamed);
        const vendor = await world.open(t, role);
        const channels = [vendor.channel];
        await yard.use({ channels });
        await runLoop(
          client,
          yard.url,
          Array.from({ length: 6 }, () => ({ vendor })),
          streamed,
        );
        assert.deepEqual(vendor.faults, []);
        assert.equal(vendor.bodies.length, 6);
        keepsBeginnings(vendor, world.complete);
        // Another node makes the same bytes of the same request.
        await other.use({ channels });
        await client.again(other.url);
        assert.equal(vendor.raw[6], vendor.raw[5]);
      }
    });

/** Vendors one after the other: each pair of them meets in the middle of a loop, also the way back. */
const journeys: Readonly<Record<string, readonly Role[]>> = {
  "there and back": [
    roles.anthropic,
    roles.gemini,
    roles.responses,
    roles.anthropic,
    roles.gemini,
    roles.responses,
    roles.gemini,
    roles.anthropic,
    roles.responses,
  ],
  "through all vendors": [
    roles.openrouter,
    roles.converse,
    roles.cohere,
    roles.gemini,
    roles.deepseek,
    roles.ollama,
    roles.responses,
    roles.mistral,
    roles.anthropic,
    roles.openai,
    roles.flash,
    roles.openrouter,
    roles.gemini,
    roles.converse,
    roles.deepseek,
    roles.anthropic,
    roles.cohere,
    roles.responses,
  ],
  "between accounts and models of one vendor": [
    roles.anthropic,
    roles.fable,
    roles.anthropic,
    roles.gemini,
    roles.flash,
    roles.gemini,
    roles.responses,
    roles.elsewhere,
    roles.responses,
  ],
};

/** Whether two of them meet that speak the caller's own API, and check whose signatures they get. */
function kinMeet(stops: readonly Role[], front: string): boolean {
  return stops.some((role, at) => {
    const next = stops[at + 1];
    return role.dialect === front && next?.dialect === front && next !== role;
  });
}

/** Takes a client from vendor to vendor; answers all of them. */
async function travel(
  t: TestContext,
  yard: Yard,
  { client, world, stops, streamed }: Journey,
): Promise<readonly LoopVendor[]> {
  const vendors = new Map<string, LoopVendor>();
  for (const role of stops)
    if (!vendors.has(role.key)) vendors.set(role.key, await world.open(t, role));
  const turns = stops.map(({ key }) => {
    const vendor = vendors.get(key)!;
    return { vendor, use: () => yard.use({ channels: [vendor.channel] }) };
  });
  await runLoop(client, yard.url, turns, streamed);
  return [...vendors.values()];
}

interface Journey {
  readonly client: LoopClient;
  readonly world: LoopWorld;
  readonly stops: readonly Role[];
  readonly streamed: boolean;
}

for (const make of loopClients)
  for (const [journey, stops] of Object.entries(journeys))
    test(`failover ${journey}: ${make().name}`, async (t) => {
      const yard = await openYard(t, { channels: [] });
      for (const streamed of [false, true]) {
        const client = make();
        const world = worldOf(client, streamed);
        const vendors = await travel(t, yard, { client, world, stops, streamed });
        assert.deepEqual(
          vendors.flatMap(({ faults }) => faults),
          [],
        );
        // Where signatures pass through, only the vendor can tell that another of its models made them.
        if (kinMeet(stops, client.front) && client.front !== "openai-chat")
          assert.ok(vendors.some(({ refusals }) => refusals.length > 0));
      }
    });

/** What the gateway keeps of responses, in a database of the test's own. */
async function keeping(
  t: TestContext,
): Promise<{ readonly state: ReturnType<typeof makeStateParts> }> {
  const store = await openFresh("sqlite");
  t.after(() => store[Symbol.asyncDispose]());
  const dataKey = deriveKey("a root secret for tests only", "data");
  const parts = { database: store.database, dataKey: () => dataKey, logger: silentLogger };
  return { state: makeStateParts(parts) };
}

const translatedRoles = (Object.values(roles) as Role[]).filter(
  ({ dialect }) => dialect !== "openai-responses",
);

for (const role of translatedRoles)
  test(`tool loop of kept responses: ${role.key}`, async (t) => {
    const yard = await openYard(t, { channels: [], ...(await keeping(t)) });
    for (const streamed of [false, true]) {
      const client = keptClient();
      const world = worldOf(client, streamed);
      // Only who asks for encrypted reasoning gets an item behind the answer.
      world.texts = false;
      const vendor = await world.open(t, role);
      await yard.use({ channels: [vendor.channel] });
      const turns = Array.from({ length: 6 }, () => ({ vendor }));
      await runLoop(client, yard.url, turns, streamed);
      assert.deepEqual(vendor.faults, []);
      assert.equal(vendor.bodies.length, 6);
      keepsBeginnings(vendor, true);
    }
  });

test("kept responses go on from vendor to vendor in the middle of a tool loop", async (t) => {
  const client = keptClient();
  const world = worldOf(client, true);
  world.texts = false;
  const { anthropic, gemini, deepseek, converse } = roles;
  const stops = [anthropic, gemini, deepseek, converse, anthropic, gemini];
  const yard = await openYard(t, { channels: [], ...(await keeping(t)) });
  const vendors = await travel(t, yard, { client, world, stops, streamed: true });
  assert.deepEqual(
    vendors.flatMap(({ faults }) => faults),
    [],
  );
});
