/** Amazon's demands of Converse (docs.aws.amazon.com: Converse, tool use, reasoning with Claude). */
import { asObject, markOf, signatureOf } from "../fakes/scripted/turn.ts";
import {
  type DemandCase,
  type Fields,
  findIssued,
  objects,
  repeated,
  unlike,
} from "./demand-case.ts";

const isText = (block: Fields): boolean => typeof block["text"] === "string";

function verbatim(facts: DemandCase, blocks: readonly Fields[], at: string): string[] {
  const issued = findIssued(facts, blocks);
  if (issued === undefined) return [];
  const { said, model } = issued;
  const isBack = blocks.some((block) => "reasoningContent" in block);
  const isOwn = model === facts.heard.model && said.reasoning !== undefined;
  const own = isOwn && (facts.complete || isBack);
  const reasoningText = { text: said.reasoning, signature: signatureOf(said) };
  const wanted = [
    ...(own ? [{ reasoningContent: { reasoningText } }] : []),
    ...(said.text === undefined ? [] : [{ text: said.text }]),
    ...(said.calls ?? []).map((call, index) => ({
      toolUse: {
        toolUseId: `tooluse_${index}_${markOf(said)}`,
        name: call.name,
        input: call.arguments,
      },
    })),
  ];
  const nameless = (block: Fields): Fields =>
    !facts.ids && "toolUse" in block
      ? { toolUse: { ...asObject(block["toolUse"]), toolUseId: "" } }
      : block;
  return unlike(`${at} not verbatim`, blocks.map(nameless), wanted.map(nameless));
}

function pairing(before: readonly Fields[], after: readonly Fields[], at: string): string[] {
  const calls = before.filter((block) => "toolUse" in block);
  const results = after.filter((block) => "toolResult" in block);
  const contents = results.flatMap((block) => objects(asObject(block["toolResult"])["content"]));
  return [
    ...unlike(
      `${at}: results`,
      results.map((block) => asObject(block["toolResult"])["toolUseId"]),
      calls.map((block) => asObject(block["toolUse"])["toolUseId"]),
    ),
    ...(contents.some((block) => isText(block) && String(block["text"]).trim() === "")
      ? [`${at}: blank text in a result`]
      : []),
  ];
}

export function converseFaults(facts: DemandCase): string[] {
  const { body, model } = facts.heard;
  const messages = objects(body["messages"]);
  const faults: string[] = [];
  let before: readonly Fields[] = [];
  let last = "assistant";
  for (const [index, message] of messages.entries()) {
    const at = `messages[${index}]`;
    const blocks = objects(message["content"]);
    const role = String(message["role"]);
    if (role === last) faults.push(`${at}: ${role} twice`);
    if (blocks.length === 0) faults.push(`${at}: empty`);
    if (blocks.some((block) => isText(block) && String(block["text"]).trim() === ""))
      faults.push(`${at}: The text field in the ContentBlock object is blank`);
    if (role === "assistant") faults.push(...verbatim(facts, blocks, at));
    else faults.push(...pairing(before, blocks, at));
    before = role === "assistant" ? blocks : [];
    last = role;
  }
  const all = messages.flatMap(({ content }) => objects(content));
  const uses = all.filter((block) => "toolUse" in block).map((block) => asObject(block["toolUse"]));
  const ids = uses.map(({ toolUseId }) => String(toolUseId));
  const thoughts = all.filter((block) => "reasoningContent" in block);
  const known = facts.issued
    .filter((one) => one.model === model)
    .map(({ said }) => signatureOf(said));
  return [
    ...faults,
    ...repeated(ids),
    ...ids.filter((id) => !/^[a-zA-Z0-9_-]{1,64}$/.test(id)).map((id) => `id ${id}`),
    ...(uses.length > 0 && body["toolConfig"] === undefined
      ? ["The toolConfig field must be defined"]
      : []),
    ...thoughts
      .map((block) => asObject(asObject(block["reasoningContent"])["reasoningText"])["signature"])
      .filter((signature) => signature !== undefined && !known.includes(String(signature)))
      .map((signature) => `Invalid signature ${String(signature)}`),
  ];
}
