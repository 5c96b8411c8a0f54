/** Makes the body that is sent out of the caller's by splicing only what calls for it. */
import { type ByteEdit, memberInsertion, scanMembers, splice } from "../../core/json.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { BodyEdits, CallFacts } from "../contract.ts";

/** Members that a channel's parameters cannot change: the gateway answers for them. */
export const reservedParameters: readonly string[] = ["model", "stream", "stream_options"];

function usageEdit(body: Buffer, facts: CallFacts): ByteEdit {
  const range = facts.scan.members["stream_options"];
  if (range === undefined)
    return memberInsertion(facts.scan, "stream_options", '{"include_usage":true}');
  if (body[range.start] !== 0x7b) return { ...range, bytes: '{"include_usage":true}' };
  const inner = scanMembers(body, ["include_usage"], range);
  const told = inner.members["include_usage"];
  return told === undefined
    ? memberInsertion(inner, "include_usage", "true")
    : { ...told, bytes: "true" };
}

function parameterEdits(body: Buffer, parameters: JsonObject): ByteEdit[] {
  const names = Object.keys(parameters).filter((name) => !reservedParameters.includes(name));
  if (names.length === 0) return [];
  const scan = scanMembers(body, names);
  return names.map((name) => {
    const value = JSON.stringify(parameters[name]);
    const range = scan.members[name];
    return range === undefined ? memberInsertion(scan, name, value) : { ...range, bytes: value };
  });
}

function modelEdit(facts: CallFacts, model: string): ByteEdit {
  const range = facts.scan.members["model"];
  const text = JSON.stringify(model);
  return range === undefined
    ? memberInsertion(facts.scan, "model", text)
    : { ...range, bytes: text };
}

/** The body to send; the very same buffer where nothing is to be edited. */
export function editBody(body: Buffer, facts: CallFacts, edits: BodyEdits): Buffer {
  const changes = parameterEdits(body, edits.parameters);
  if (edits.model !== facts.bodyModel) changes.push(modelEdit(facts, edits.model));
  if (edits.askUsage && facts.stream && !facts.usageAsked) changes.push(usageEdit(body, facts));
  return splice(body, changes);
}
