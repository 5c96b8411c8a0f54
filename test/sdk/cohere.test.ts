/** What Cohere's own client reads from chat replies, our codec reads; what our codec writes, the client would send. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Cohere, CohereClientV2 } from "cohere-ai";
import type { JsonObject } from "../../src/core/json-value.ts";
import { cohereChat } from "../../src/dialects/cohere/codec.ts";
import type { AssistantPart, Conversation } from "../../src/wire/conversation.ts";
import type { Usage } from "../../src/wire/usage.ts";
import { emptyConversation, longHistory, toolCalled, userSays } from "../fakes/conversations.ts";
import { loadRecordings } from "../fakes/recordings.ts";
import { anyContext, decodeAtEveryCut, joinEvents } from "../fakes/reply-events.ts";
import { asList, asObject } from "../fakes/scripted/turn.ts";
import { loadVendorBodies } from "../fakes/vendor-bodies.ts";

const recordings = loadRecordings("cohere");
const vendor = loadVendorBodies("cohere");

/** Cohere's client, answered with the body; and the bodies it sent. */
function play(body: Buffer, contentType: string): { client: CohereClientV2; sent: unknown[] } {
  const sent: unknown[] = [];
  const client = new CohereClientV2({
    token: "none",
    maxRetries: 0,
    fetch: (_url, options) => {
      sent.push(JSON.parse(String(options?.body)));
      const headers = { "content-type": contentType };
      return Promise.resolve(new Response(new Uint8Array(body), { headers }));
    },
  });
  return { client, sent };
}

/** A reply as both sides can be compared. */
interface Told {
  id: string | null;
  text: string;
  reasoning: string;
  calls: { id: string; name: string; arguments: unknown }[];
  finish: string | null;
  input: number | null;
  output: number | null;
}

function nothing(): Told {
  return {
    id: null,
    text: "",
    reasoning: "",
    calls: [],
    finish: null,
    input: null,
    output: null,
  };
}

function parsed(text: string): unknown {
  return (text === "" ? null : JSON.parse(text)) ?? {};
}

function addUsage(told: Told, usage: Cohere.Usage | undefined): void {
  told.input = usage?.billedUnits?.inputTokens ?? null;
  told.output = usage?.billedUnits?.outputTokens ?? null;
}

const question = { model: "m", messages: [{ role: "user" as const, content: "?" }] };

async function readWhole(body: Buffer): Promise<Told> {
  const reply = await play(body, "application/json").client.chat(question);
  const told = { ...nothing(), id: reply.id, finish: reply.finishReason as string };
  told.reasoning += reply.message.toolPlan ?? "";
  for (const item of reply.message.content ?? [])
    if (item.type === "text") told.text += item.text;
    else told.reasoning += item.thinking;
  for (const call of reply.message.toolCalls ?? []) {
    const { name, arguments: given } = call.function ?? {};
    told.calls.push({ id: call.id, name: name ?? "", arguments: parsed(given ?? "") });
  }
  addUsage(told, reply.usage);
  return told;
}

async function readStream(body: Buffer): Promise<Told> {
  const told = nothing();
  const fragments: string[] = [];
  for await (const event of await play(body, "text/event-stream").client.chatStream(question)) {
    if (event.type === "message-start") told.id = event.id ?? null;
    if (event.type === "content-start" || event.type === "content-delta") {
      told.text += event.delta?.message?.content?.text ?? "";
      told.reasoning += event.delta?.message?.content?.thinking ?? "";
    }
    if (event.type === "tool-plan-delta") told.reasoning += event.delta?.message?.toolPlan ?? "";
    if (event.type === "tool-call-start") {
      const call = event.delta?.message?.toolCalls;
      told.calls.push({ id: call?.id ?? "", name: call?.function?.name ?? "", arguments: {} });
      fragments.push(call?.function?.arguments ?? "");
    }
    if (event.type === "tool-call-delta")
      fragments.push(
        (fragments.pop() ?? "") + (event.delta?.message?.toolCalls?.function?.arguments ?? ""),
      );
    if (event.type !== "message-end") continue;
    told.finish = event.delta?.finishReason ?? null;
    addUsage(told, event.delta?.usage);
  }
  for (const [index, call] of told.calls.entries()) call.arguments = parsed(fragments[index] ?? "");
  return told;
}

function ourTold(
  parts: readonly AssistantPart[],
  rest: { id: string | null; finish: string | null; usage: Usage | null },
): Told {
  const told = { ...nothing(), id: rest.id, finish: rest.finish };
  for (const part of parts) {
    if (part.kind === "text") told.text += part.text;
    if (part.kind === "reasoning") told.reasoning += part.text;
    if (part.kind !== "tool-call") continue;
    told.calls.push({ id: part.id, name: part.name, arguments: JSON.parse(part.arguments) });
  }
  return { ...told, input: rest.usage?.input ?? null, output: rest.usage?.output ?? null };
}

async function assertWhole(name: string, body: Buffer): Promise<void> {
  const reply = cohereChat.decodeReply(JSON.parse(body.toString()) as JsonObject, anyContext);
  const [choice] = reply.choices;
  assert.ok(choice !== undefined);
  const rest = { id: reply.id, finish: choice.finish.raw, usage: reply.usage };
  assert.deepEqual(ourTold(choice.parts, rest), await readWhole(body), name);
  assert.notEqual(choice.finish.reason, "other", name);
}

async function assertStream(name: string, body: Buffer): Promise<void> {
  const joined = joinEvents(decodeAtEveryCut(cohereChat, body));
  const rest = { id: joined.id, finish: joined.finish?.raw ?? null, usage: joined.usage };
  assert.deepEqual(ourTold(joined.parts, rest), await readStream(body), name);
  assert.equal(joined.done, true, name);
}

test(
  "recorded replies are read as Cohere's client reads them",
  { skip: recordings === undefined && "no recordings beside this checkout" },
  async () => {
    for (const { id, response } of recordings ?? []) await assertWhole(id, response.body);
    assert.equal(recordings?.length, 4);
  },
);

test(
  "replies of the vendor's package are read as Cohere's client reads them",
  { skip: vendor === undefined && "no vendor bodies beside this checkout" },
  async () => {
    const chats = vendor?.whole.filter(({ name }) => !name.includes("embedding")) ?? [];
    for (const { name, text } of chats) await assertWhole(name, Buffer.from(text));
    for (const { name, payloads } of vendor?.streams ?? []) {
      const events = payloads.map((payload) => {
        const { type } = JSON.parse(payload) as { type: string };
        return `event: ${type}\ndata: ${payload}\n\n`;
      });
      await assertStream(name, Buffer.from(`${events.join("")}data: [DONE]\n\n`));
    }
    assert.deepEqual([chats.length, vendor?.streams.length], [6, 4]);
  },
);

const camel = (name: string): string =>
  name.replaceAll(/_([a-z])/gu, (_, letter: string) => letter.toUpperCase());

/** Members that hold what is the caller's own. */
const own = ["parameters", "json_schema", "data"];

function toInput(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toInput);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      camel(name),
      own.includes(name) ? item : toInput(item),
    ]),
  );
}

const issuer = "cohere-v2/command-a-reasoning-08-2025";

const said: readonly Conversation[] = [
  {
    ...emptyConversation,
    system: [{ kind: "text", text: "Be kind." }],
    messages: [
      ...longHistory,
      {
        role: "assistant",
        parts: [
          { kind: "reasoning", text: "I shall look.", carried: { issuer, data: "tool_plan" } },
          { kind: "tool-call", id: "call_3", name: "look", arguments: "{}" },
        ],
      },
      {
        role: "assistant",
        parts: [
          { kind: "reasoning", text: "hm", carried: { issuer, data: "thinking" } },
          { kind: "text", text: "Seen." },
        ],
      },
      userSays("And?"),
    ],
    tools: [{ ...toolCalled("look"), description: "Looks." }, toolCalled("listen")],
    toolChoice: { kind: "named", name: "look" },
    sampling: {
      temperature: 0.5,
      topP: 1,
      topK: 3,
      seed: 7,
      presencePenalty: -1,
      frequencyPenalty: 0.5,
      stop: ["END"],
      topLogprobs: 0,
    },
    maxOutputTokens: 100,
    reasoning: { effort: null, budgetTokens: 900, adaptive: false, show: null, summary: null },
    responseFormat: {
      kind: "schema",
      name: "answer",
      description: null,
      schema: { type: "object", properties: { some_name: { type: "string" } } },
      strict: true,
    },
  },
];

test("Cohere's client sends our bodies unchanged, so it knows every member of them", async () => {
  for (const conversation of said) {
    const model = "command-a-reasoning-08-2025";
    const target = { model, stream: false, askUsage: true, quirks: [] };
    const encoded = cohereChat.encodeRequest(conversation, target);
    const reply = { id: "i", finish_reason: "COMPLETE", message: { role: "assistant" } };
    const { client, sent } = play(Buffer.from(JSON.stringify(reply)), "application/json");
    await client.chat(toInput(encoded) as Parameters<typeof client.chat>[0]);
    assert.deepEqual(sent, [encoded]);
  }
});

test(
  "a request that a real client sent comes out again",
  { skip: recordings === undefined && "no recordings beside this checkout" },
  () => {
    const last = recordings?.at(-1);
    assert.ok(last !== undefined);
    const body = asObject(JSON.parse(last.request.body.toString()));
    const [question_, calls, result] = asList(body["messages"]).map(asObject);
    const [call] = asList(calls?.["tool_calls"]).map(asObject);
    const { name, arguments: given } = asObject(call?.["function"]);
    const id = String(call?.["id"]);
    const text = String(result?.["content"]);
    const conversation: Conversation = {
      ...emptyConversation,
      messages: [
        userSays(String(question_?.["content"])),
        {
          role: "assistant",
          parts: [{ kind: "tool-call", id, name: String(name), arguments: String(given) }],
        },
        {
          role: "tool",
          parts: [
            {
              kind: "tool-result",
              callId: id,
              name: null,
              content: [{ kind: "text", text }],
              isError: false,
            },
          ],
        },
      ],
      tools: asList(body["tools"]).map((tool) => {
        const told = asObject(asObject(tool)["function"]);
        return {
          ...toolCalled(String(told["name"])),
          description: String(told["description"]),
          parameters: told["parameters"] as JsonObject,
        };
      }),
      toolChoice: { kind: "required" },
    };
    const target = { model: String(body["model"]), stream: false, askUsage: true, quirks: [] };
    const encoded = cohereChat.encodeRequest(conversation, target);
    // This client sends the result as a bare text; as a document it can be cited.
    const [first, second] = asList(body["messages"]);
    const third = {
      ...result,
      content: [{ type: "document", document: { data: { result: text } } }],
    };
    assert.deepEqual(encoded, { ...body, messages: [first, second, third] });
  },
);
