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
] as const satisfies readonly TargetId[];

const letters = { E: "exact", L: "lossy", D: "drop", X: "refuse" } as const;

/** One letter a target, in the order of `targets`. Dropped is what an answer is still right without. */
const table: Readonly<Record<FeatureId, string>> = {
  temperature: "EEEEEEED",
  "top-p": "EEEEEEED",
  "top-k": "DDEELEED",
  "stop-sequences": "EXEEEEEX",
  "multiple-choices": "EXXEXXXX",
  seed: "EDDEDEED",
  penalties: "EDDEDEED",
  "logit-bias": "EXXXXXXX",
  logprobs: "EEXLXLXX",
  prediction: "EDDDDDDD",
  "image-url": "EEELLELE",
  "image-detail": "EEDDDEDD",
  "document-input": "EEEEEXXX",
  "document-url": "LEELLXXE",
  "audio-input": "EXXEXXXX",
  "video-input": "XXXEEXXX",
  "file-id": "XXXXXXXX",
  "message-name": "EDDDDDDD",
  "system-in-conversation": "EEELLEEL",
  "citations-asked": "DDEDLLDD",
  "foreign-content": "XXXXXXXX",
  "custom-tools": "EEXXXXXX",
  "custom-tool-grammar": "EEXXXXXX",
  "allowed-tools": "EELELLLX",
  // Whoever offers tools can take several calls; each is answered by its own id.
  // Calls behind the first are left out of the reply where the upstream cannot be told.
  "no-parallel-tool-calls": "EEELLLLD",
  "strict-tools": "EEEDDDDD",
  "tool-result-media": "LEEEEXXX",
  "tool-result-error": "LLEEEELX",
  "web-search": "XXXXXXXX",
  "server-tools": "XXXXXXXX",
  "offered-server-tools": "DDDDDDDD",
  "server-tool-trace": "DDDDDDDD",
  "response-json": "EELELEEX",
  "response-schema": "EEEELEEX",
  "audio-output": "EXXXXXXX",
  "image-output": "XXXEXXXX",
  verbosity: "EEDDDDDD",
  "reasoning-effort": "EELLLLLD",
  "reasoning-budget": "LLEEELLD",
  "reasoning-summary": "DELLLDLD",
  "reasoning-history": "LLLLLLLD",
  "end-user": "EEEDDDDE",
  metadata: "EEDDEDDE",
  "service-tier": "EELEEDDD",
  "cache-mark": "LLEDEDDD",
  "cache-key": "EEDDDDDD",
  "cached-content": "XXXXXXXX",
  store: "DDDDDDDD",
  background: "XXXXXXXX",
  "previous-response": "XXXXXXXX",
  "conversation-object": "XXXXXXXX",
  "prompt-template": "XXXXXXXX",
  "item-reference": "XXXXXXXX",
  truncation: "DEDDDDDD",
  "context-management": "DDDDDDDD",
  container: "XXXXXXXX",
  "safety-settings": "DDDDDDDD",
  include: "DEDDDDDD",
  "unknown-member": "DDDDDDDD",
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
