/**
 * What becomes of each feature when a request is translated: the one table of it, read by the gateway and by the docs.
 * Promise kept here: what a target cannot do is refused by name or dropped by name, never silently.
 */
import { GatewayError } from "../core/errors.ts";
import type { DialectId } from "../wire/call.ts";
import type { FeatureId, FeatureUse } from "../wire/feature.ts";

/** Dialects a conversation can be translated into. */
export type TargetId = Exclude<DialectId, "jina-v1">;

/**
 * `exact`: arrives with its full meaning. `lossy`: arrives in another form that says nearly the same.
 * `drop`: left out, and named in the warning header. `refuse`: 400 naming the field.
 */
export type Fidelity = "exact" | "lossy" | "drop" | "refuse";

const targets = [
  "openai-chat",
  "openai-responses",
  "anthropic-messages",
  "gemini-content",
  "bedrock-converse",
  "cohere-v2",
  "ollama-chat",
] as const satisfies readonly TargetId[];

const letters = { E: "exact", L: "lossy", D: "drop", X: "refuse" } as const;

/** One letter a target, in the order of `targets`. Dropped is what an answer is still right without. */
const table: Readonly<Record<FeatureId, string>> = {
  temperature: "EEEEEEE",
  "top-p": "EEEEEEE",
  "top-k": "DDEELEE",
  "stop-sequences": "EXEEEEE",
  "multiple-choices": "EXXEXXX",
  seed: "EDDEDEE",
  penalties: "EDDEDEE",
  "logit-bias": "EXXXXXX",
  logprobs: "EEXLXLX",
  prediction: "EDDDDDD",
  "image-url": "EEELLEL",
  "image-detail": "EEDDDED",
  "document-input": "EEEEEXX",
  "document-url": "LEELLXX",
  "audio-input": "EXXEXXX",
  "video-input": "XXXEEXX",
  "file-id": "XXXXXXX",
  "message-name": "EDDDDDD",
  "system-in-conversation": "EEELLEE",
  "citations-asked": "DDEDLLD",
  "foreign-content": "XXXXXXX",
  "custom-tools": "EEXXXXX",
  "custom-tool-grammar": "EEXXXXX",
  "allowed-tools": "EELELLL",
  // Whoever offers tools can take several calls; each is answered by its own id.
  // Calls behind the first are left out of the reply where the upstream cannot be told.
  "no-parallel-tool-calls": "EEELLLL",
  "strict-tools": "EEEDDDD",
  "tool-result-media": "LEEEEXX",
  "tool-result-error": "LLEEEEL",
  "web-search": "XXXXXXX",
  "server-tools": "XXXXXXX",
  "offered-server-tools": "DDDDDDD",
  "server-tool-trace": "DDDDDDD",
  "response-json": "EELELEE",
  "response-schema": "EEEELEE",
  "audio-output": "EXXXXXX",
  "image-output": "XXXEXXX",
  verbosity: "EEDDDDD",
  "reasoning-effort": "EELLLLL",
  "reasoning-budget": "LLEEELL",
  "reasoning-summary": "DELLLDL",
  "reasoning-history": "LLLLLLL",
  "end-user": "EEEDDDD",
  metadata: "EEDDEDD",
  "service-tier": "EELEEDD",
  "cache-mark": "LLEDEDD",
  "cache-key": "EEDDDDD",
  "cached-content": "XXXXXXX",
  store: "DDDDDDD",
  background: "XXXXXXX",
  "previous-response": "XXXXXXX",
  "conversation-object": "XXXXXXX",
  "prompt-template": "XXXXXXX",
  "item-reference": "XXXXXXX",
  truncation: "DEDDDDD",
  "context-management": "DDDDDDD",
  container: "XXXXXXX",
  "safety-settings": "DDDDDDD",
  include: "DEDDDDD",
  "unknown-member": "DDDDDDD",
};

/** What becomes of a feature on its way to a target. */
export function fidelityOf(feature: FeatureId, target: TargetId): Fidelity {
  const letter = table[feature][targets.indexOf(target as (typeof targets)[number])];
  return letters[letter as keyof typeof letters];
}

/** All features with their fates, for the docs. */
export function fidelityRows(): { feature: FeatureId; fates: Record<string, Fidelity> }[] {
  return (Object.keys(table) as FeatureId[]).map((feature) => ({
    feature,
    fates: Object.fromEntries(targets.map((target) => [target, fidelityOf(feature, target)])),
  }));
}

/**
 * Judges a request before it is encoded. Answers the fields that will be left out, each once, in the caller's words.
 * Throws `invalid_request` naming every field that the target cannot do and that may not be left out.
 */
export function judge(uses: readonly FeatureUse[], target: TargetId): readonly string[] {
  const refused = uses.filter(({ feature }) => fidelityOf(feature, target) === "refuse");
  if (refused.length > 0) {
    const faults = refused.map(({ field, feature }) => ({
      field,
      message: `\`${field}\` (${feature}) cannot be translated for the upstream of this model; leave it out or use a model whose upstream has it`,
    }));
    const detail = faults.map(({ message }) => message).join("; ");
    throw new GatewayError("invalid_request", detail, { fields: faults, values: { detail } });
  }
  const dropped = uses.filter(({ feature }) => fidelityOf(feature, target) === "drop");
  return [...new Set(dropped.map(({ field }) => field))];
}
