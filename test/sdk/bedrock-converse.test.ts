/** What AWS's own client reads from Converse's replies, our codec reads; what our codec writes, the client would send. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ContentBlock,
  ConverseCommand,
  type ConverseResponse,
  ConverseStreamCommand,
  type ConverseStreamOutput,
  type TokenUsage,
} from "@aws-sdk/client-bedrock-runtime";
import { bedrockConverse } from "../../src/dialects/bedrock-converse/codec.ts";
import type { AssistantPart } from "../../src/wire/conversation.ts";
import type { Usage } from "../../src/wire/usage.ts";
import { loadRecordings } from "../fakes/recordings.ts";
import { anyContext, decodeAtEveryCut, joinEvents } from "../fakes/reply-events.ts";
import { loadVendorBodies } from "../fakes/vendor-bodies.ts";
import { frameEvents, playToAws } from "./aws-client.ts";

const recordings = loadRecordings("bedrock-converse");
const vendor = loadVendorBodies("amazon-bedrock");

/** A reply as both sides can be compared. */
interface Told {
  text: string;
  reasoning: string;
  /** Signatures, and encrypted thoughts in base64. */
  opaque: string;
  calls: { id: string; name: string; arguments: unknown }[];
  stopReason: string | null;
  usage: { input: number; cacheRead: number; cacheWrite: number; output: number } | null;
}

function nothing(): Told {
  return { text: "", reasoning: "", opaque: "", calls: [], stopReason: null, usage: null };
}

function usageOf(usage: TokenUsage | undefined): Told["usage"] {
  if (usage === undefined) return null;
  return {
    input: usage.inputTokens ?? 0,
    cacheRead: usage.cacheReadInputTokens ?? 0,
    cacheWrite: usage.cacheWriteInputTokens ?? 0,
    output: usage.outputTokens ?? 0,
  };
}

function base64(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? "" : Buffer.from(bytes).toString("base64");
}

function addBlock(block: ContentBlock, told: Told): void {
  told.text += block.text ?? "";
  told.reasoning += block.reasoningContent?.reasoningText?.text ?? "";
  told.opaque += block.reasoningContent?.reasoningText?.signature ?? "";
  told.opaque += base64(block.reasoningContent?.redactedContent);
  if (block.toolUse === undefined) return;
  const { toolUseId, name, input } = block.toolUse;
  told.calls.push({ id: toolUseId ?? "", name: name ?? "", arguments: input });
}

async function readWholeByAws(body: Buffer): Promise<Told> {
  const { client } = playToAws(body, "application/json");
  const input = { modelId: "m", messages: [] };
  const reply: ConverseResponse = await client.send(new ConverseCommand(input));
  const told = nothing();
  for (const block of reply.output?.message?.content ?? []) addBlock(block, told);
  told.stopReason = reply.stopReason ?? null;
  told.usage = usageOf(reply.usage);
  return told;
}

function addEvent(event: ConverseStreamOutput, told: Told, fragments: Map<number, string>): void {
  const start = event.contentBlockStart;
  if (start?.start?.toolUse !== undefined) {
    const { toolUseId, name } = start.start.toolUse;
    fragments.set(start.contentBlockIndex ?? 0, "");
    told.calls.push({ id: toolUseId ?? "", name: name ?? "", arguments: null });
  }
  const delta = event.contentBlockDelta?.delta;
  told.text += delta?.text ?? "";
  told.reasoning += delta?.reasoningContent?.text ?? "";
  told.opaque += delta?.reasoningContent?.signature ?? "";
  told.opaque += base64(delta?.reasoningContent?.redactedContent);
  const index = event.contentBlockDelta?.contentBlockIndex ?? 0;
  if (delta?.toolUse !== undefined)
    fragments.set(index, (fragments.get(index) ?? "") + (delta.toolUse.input ?? ""));
  told.stopReason = event.messageStop?.stopReason ?? told.stopReason;
  told.usage = usageOf(event.metadata?.usage) ?? told.usage;
}

async function readStreamByAws(body: Buffer): Promise<Told> {
  const { client } = playToAws(body, "application/vnd.amazon.eventstream");
  const reply = await client.send(new ConverseStreamCommand({ modelId: "m", messages: [] }));
  const told = nothing();
  const fragments = new Map<number, string>();
  for await (const event of reply.stream ?? []) addEvent(event, told, fragments);
  for (const [index, text] of [...fragments.values()].entries()) {
    const call = told.calls[index];
    assert.ok(call !== undefined);
    call.arguments = JSON.parse(text === "" ? "{}" : text);
  }
  return told;
}

function ourTold(
  parts: readonly AssistantPart[],
  stopReason: string | null,
  usage: Usage | null,
): Told {
  const told = { ...nothing(), stopReason };
  for (const part of parts) {
    if (part.kind === "text") told.text += part.text;
    if (part.kind === "reasoning") {
      told.reasoning += part.text;
      told.opaque += part.carried?.data ?? "";
    }
    if (part.kind !== "tool-call") continue;
    const parsed: unknown = JSON.parse(part.arguments);
    told.calls.push({ id: part.id, name: part.name, arguments: parsed });
  }
  if (usage === null) return told;
  const cacheWrite = usage.cacheWrite5m + usage.cacheWrite1h;
  const { input, cacheRead, output } = usage;
  return { ...told, usage: { input, cacheRead, cacheWrite, output } };
}

async function assertWhole(name: string, body: Buffer): Promise<void> {
  const reply = bedrockConverse.decodeReply(JSON.parse(body.toString()), anyContext);
  const [choice] = reply.choices;
  assert.ok(choice !== undefined);
  const ours = ourTold(choice.parts, choice.finish.raw, reply.usage);
  assert.deepEqual(ours, await readWholeByAws(body), name);
  assert.notEqual(choice.finish.reason, "other", name);
}

async function assertStream(name: string, body: Buffer): Promise<void> {
  const joined = joinEvents(decodeAtEveryCut(bedrockConverse, body));
  const ours = ourTold(joined.parts, joined.finish?.raw ?? null, joined.usage);
  assert.deepEqual(ours, await readStreamByAws(body), name);
  assert.equal(joined.error, null, name);
}

test(
  "recorded replies are read as AWS's client reads them",
  { skip: recordings === undefined && "no recordings beside this checkout" },
  async () => {
    const good = (recordings ?? []).filter(({ response }) => response.status === 200);
    const isStream = (path: string): boolean => path.endsWith("-stream");
    for (const { id, request, response } of good)
      await (isStream(request.path) ? assertStream : assertWhole)(id, response.body);
    const streams = good.filter(({ request }) => isStream(request.path)).length;
    assert.deepEqual({ replies: good.length, streams }, { replies: 121, streams: 3 });
  },
);

test(
  "recorded errors tell their message",
  { skip: recordings === undefined && "no recordings beside this checkout" },
  () => {
    const bad = (recordings ?? []).filter(({ response }) => response.status !== 200);
    for (const { response } of bad) {
      const error = bedrockConverse.decodeError(response.body);
      const { message } = JSON.parse(response.body.toString()) as { message: string };
      assert.equal(error.message, message);
    }
    assert.equal(bad.length, 7);
  },
);

test(
  "replies of the vendor's package are read as AWS's client reads them",
  { skip: vendor === undefined && "no vendor bodies beside this checkout" },
  async () => {
    for (const { name, text } of vendor?.whole ?? []) await assertWhole(name, Buffer.from(text));
    for (const { name, payloads } of vendor?.streams ?? [])
      await assertStream(name, frameEvents(payloads));
    assert.deepEqual([vendor?.whole.length, vendor?.streams.length], [11, 12]);
  },
);
