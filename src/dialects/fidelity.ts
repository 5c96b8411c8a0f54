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
  "coze-v3",
  "replicate-predictions",
] as const satisfies readonly TargetId[];

const letters = { E: "exact", L: "lossy", D: "drop", X: "refuse" } as const;

/** One letter a target, in the order of `targets`. Dropped is what an answer is still right without. */
const table: Readonly<Record<FeatureId, string>> = {
  temperature: "EEEEEEEDE",
  "top-p": "EEEEEEEDE",
  "top-k": "DDEELEEDE",
  "stop-sequences": "EXEEEEEXE",
  "multiple-choices": "EXXEXXXXX",
  seed: "EDDEDEEDE",
  penalties: "EDDEDEEDE",
  "logit-bias": "EXXXXXXXX",
  logprobs: "EEXLXLXXX",
  prediction: "EDDDDDDDD",
  "image-url": "EEELLELEX",
  "image-detail": "EEDDDEDDD",
  "document-input": "EEEEEXXXX",
  "document-url": "LEELLXXEX",
  "audio-input": "EXXEXXXXX",
  "video-input": "XXXEEXXXX",
  "file-id": "XXXXXXXXX",
  "message-name": "EDDDDDDDD",
  "system-in-conversation": "EEELLEELL",
  "citations-asked": "DDEDLLDDD",
  "foreign-content": "XXXXXXXXX",
  "custom-tools": "EEXXXXXXX",
  "custom-tool-grammar": "EEXXXXXXX",
  "allowed-tools": "EELELLLXX",
  // Whoever offers tools can take several calls; each is answered by its own id.
  // Calls behind the first are left out of the reply where the upstream cannot be told.
  "no-parallel-tool-calls": "EEELLLLDD",
  "strict-tools": "EEEDDDDDD",
  "tool-result-media": "LEEEEXXXX",
  "tool-result-error": "LLEEEELXX",
  "web-search": "XXXXXXXXX",
  "server-tools": "XXXXXXXXX",
  "offered-server-tools": "DDDDDDDDD",
  "server-tool-trace": "DDDDDDDDD",
  "response-json": "EELELEEXX",
  "response-schema": "EEEELEEXX",
  "audio-output": "EXXXXXXXX",
  "image-output": "XXXEXXXXX",
  verbosity: "EEDDDDDDD",
  "reasoning-effort": "EELLLLLDD",
  "reasoning-budget": "LLEEELLDD",
  "reasoning-summary": "DELLLDLDD",
  "reasoning-history": "LLLLLLLDD",
  "end-user": "EEEDDDDED",
  metadata: "EEDDEDDED",
  "service-tier": "EELEEDDDD",
  "cache-mark": "LLEDEDDDD",
  "cache-key": "EEDDDDDDD",
  "cached-content": "XXXXXXXXX",
  store: "DDDDDDDDD",
  background: "XXXXXXXXX",
  "previous-response": "XXXXXXXXX",
  "conversation-object": "XXXXXXXXX",
  "prompt-template": "XXXXXXXXX",
  "item-reference": "XXXXXXXXX",
  truncation: "DEDDDDDDD",
  "context-management": "DDDDDDDDD",
  container: "XXXXXXXXX",
  "safety-settings": "DDDDDDDDD",
  include: "DEDDDDDDD",
  "unknown-member": "DDDDDDDDD",
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
