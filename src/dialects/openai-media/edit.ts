/** Makes the body that is sent out of the caller's by splicing only what calls for it. */
import { splice } from "../../core/json.ts";
import type { BodyEdits, CallFacts } from "../contract.ts";
import { memberEdits } from "../member-edits.ts";

/** Members that a channel's parameters cannot change: the gateway answers for them. */
export const reservedParameters: readonly string[] = ["model", "stream", "stream_format"];

/** The body to send; the very same buffer where nothing is to be edited. */
export function editBody(body: Buffer, facts: CallFacts, edits: BodyEdits): Buffer {
  return splice(body, memberEdits(body, facts, edits, reservedParameters));
}
