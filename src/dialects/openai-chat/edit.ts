/** Makes the body that is sent out of the caller's by splicing only what calls for it. */
import { type ByteEdit, memberInsertion, scanMembers, splice } from "../../core/json.ts";
import type { BodyEdits, CallFacts } from "../contract.ts";
import { memberEdits } from "../member-edits.ts";
import { historyEdits } from "./fit-history.ts";
import { systemPromptEdits } from "./system-prompt.ts";

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

/** The body to send; the very same buffer where nothing is to be edited. */
export function editBody(body: Buffer, facts: CallFacts, edits: BodyEdits): Buffer {
  const asksUsage = edits.askUsage && facts.stream && !facts.usageAsked;
  const usage = asksUsage && !edits.omit.includes("stream_options") ? [usageEdit(body, facts)] : [];
  const changes = memberEdits(body, facts, edits, reservedParameters);
  const edited = splice(body, [...usage, ...changes]);
  // On the edited body: a channel may have put messages of its own.
  const fitted = splice(edited, historyEdits(edited, edits.quirks ?? []));
  return edits.systemPrompt === null
    ? fitted
    : splice(fitted, systemPromptEdits(fitted, edits.systemPrompt));
}
