/** Anthropic's demands (platform.claude.com: tool use, extended thinking, prompt caching). */
import { markOf, signatureOf } from "../fakes/scripted/turn.ts";
import {
  type DemandCase,
  type Fields,
  findIssued,
  objects,
  repeated,
  unlike,
  unmarked,
} from "./demand-case.ts";

const idPattern = /^[a-zA-Z0-9_-]+$/;

function blankTexts(blocks: readonly Fields[], at: string): string[] {
  return blocks.flatMap((block) => {
    if (block["type"] === "tool_result") return blankTexts(objects(block["content"]), at);
    if (block["type"] !== "text") return [];
    return String(block["text"]).trim() === "" ? [`${at}: blank text`] : [];
  });
}

/** The answer word for word, as it was given. */
function verbatim(facts: DemandCase, blocks: readonly Fields[], at: string): string[] {
  const issued = findIssued(facts, blocks);
  if (issued === undefined || !facts.complete) return [];
  const { said, model } = issued;
  const own = model === facts.heard.model;
  const wanted: Fields[] = [];
  if (own && said.reasoning !== undefined)
    wanted.push({ type: "thinking", thinking: said.reasoning, signature: signatureOf(said) });
  if (own && said.redacted === true)
    wanted.push({ type: "redacted_thinking", data: `REDACTED-${markOf(said)}` });
  if (said.text !== undefined) wanted.push({ type: "text", text: said.text });
  for (const [index, call] of (said.calls ?? []).entries()) {
    const id = `toolu_${index}_${markOf(said)}`;
    wanted.push({ type: "tool_use", id, name: call.name, input: call.arguments });
  }
  const nameless = (block: Fields): Fields =>
    !facts.ids && block["type"] === "tool_use" ? { ...block, id: "" } : block;
  return unlike(`${at} not verbatim`, blocks.map(unmarked).map(nameless), wanted.map(nameless));
}

/** One result for each call of the turn before, in the next message, before anything else. */
function pairing(before: readonly Fields[], after: readonly Fields[], at: string): string[] {
  const calls = before.filter(({ type }) => type === "tool_use").map(({ id }) => String(id));
  const results = after.filter(({ type }) => type === "tool_result");
  const first = after.slice(0, results.length);
  return [
    ...unlike(
      `${at}: results`,
      results.map((block) => String(block["tool_use_id"])).toSorted(),
      calls.toSorted(),
    ),
    ...(first.every(({ type }) => type === "tool_result") ? [] : [`${at}: results not first`]),
    ...results
      .filter((block) => block["is_error"] === true)
      .filter((block) => objects(block["content"]).some(({ type }) => type !== "text"))
      .map(() => `${at}: all content must be text if is_error is true`),
  ];
}

function messageFaults(facts: DemandCase, messages: readonly Fields[]): string[] {
  const faults: string[] = [];
  let before: readonly Fields[] = [];
  let role = "assistant";
  for (const [index, message] of messages.entries()) {
    const at = `messages[${index}]`;
    if (message["role"] === "system") continue;
    const content = message["content"];
    const blocks =
      typeof content === "string" ? [{ type: "text", text: content }] : objects(content);
    if (message["role"] === role) faults.push(`${at}: ${role} twice`);
    role = String(message["role"]);
    if (blocks.length === 0) faults.push(`${at}: empty`);
    faults.push(...blankTexts(blocks, at));
    if (role === "assistant") faults.push(...verbatim(facts, blocks, at));
    else faults.push(...pairing(before, blocks, at));
    before = role === "assistant" ? blocks : [];
  }
  if (before.some(({ type }) => type === "tool_use")) faults.push("calls without results");
  return faults;
}

/** With thinking by budget the tool loop at hand must begin its turn with a thought. */
function loopFaults(body: Fields, messages: readonly Fields[]): string[] {
  const thinking = body["thinking"] as Fields | undefined;
  if (thinking?.["type"] !== "enabled") return [];
  const last = messages.findLast(({ role }) => role === "assistant");
  const blocks = objects(last?.["content"]);
  if (!blocks.some(({ type }) => type === "tool_use")) return [];
  const first = String(blocks[0]?.["type"]);
  return ["thinking", "redacted_thinking"].includes(first)
    ? []
    : [`Expected thinking or redacted_thinking, but found ${first}`];
}

function thoughtFaults(facts: DemandCase, blocks: readonly Fields[]): string[] {
  const { issued, heard } = facts;
  return blocks
    .filter(({ type }) => type === "thinking")
    .flatMap(({ thinking, signature }) => {
      const found = issued.find(({ said }) => signatureOf(said) === signature);
      if (found === undefined) return [`Invalid signature in thinking block: ${String(signature)}`];
      if (found.model !== heard.model) return ["a thought of another model"];
      return unlike("thinking blocks cannot be modified", thinking, found.said.reasoning);
    });
}

export function messagesFaults(facts: DemandCase): string[] {
  const { body } = facts.heard;
  const messages = objects(body["messages"]);
  const blocks = messages.flatMap(({ content }) => objects(content));
  const ids = blocks.filter(({ type }) => type === "tool_use").map(({ id }) => String(id));
  const thinking = body["thinking"] as Fields | undefined;
  const budget = Number(thinking?.["budget_tokens"] ?? 0);
  const marks = JSON.stringify(body).split('"cache_control"').length - 1;
  const tools = objects(body["tools"]);
  return [
    ...(messages[0]?.["role"] === "user" ? [] : ["first message must be the user's"]),
    ...messageFaults(facts, messages),
    ...loopFaults(body, messages),
    ...thoughtFaults(facts, blocks),
    ...repeated(ids),
    ...ids.filter((id) => !idPattern.test(id)).map((id) => `id ${id} does not match`),
    ...(ids.length > 0 && tools.length === 0 ? ["tool blocks without tools"] : []),
    ...(typeof body["max_tokens"] === "number" ? [] : ["max_tokens: Field required"]),
    ...(budget > 0 && budget >= Number(body["max_tokens"]) ? ["budget over max_tokens"] : []),
    ...(marks > 4 ? [`${marks} cache marks`] : []),
    ...tools
      .filter((tool) => "input_schema" in tool)
      .filter((tool) => (tool["input_schema"] as Fields)["type"] !== "object")
      .map(() => "input_schema.type must be object"),
  ];
}
