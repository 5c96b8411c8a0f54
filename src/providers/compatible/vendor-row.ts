/** What a row of a vendor with OpenAI's API may say, and the manifest that comes of it. */
import type { QuirkId } from "../../dialects/quirk-ids.ts";
import type { DialectId } from "../../wire/call.ts";
import type { Capability, Endpoint, Provider, UpstreamOperation } from "../contract.ts";
import { keptResponses, standardEndpoint } from "../standard-endpoints.ts";

export interface VendorRow {
  readonly id: string;
  readonly label: string;
  readonly docs: string;
  /** With its version segment. */
  readonly baseUrl: string | null;
  /** What is served in OpenAI's shapes (rerank: in Jina's); chat alone where left out. */
  readonly serves?: readonly UpstreamOperation[];
  /** Serves OpenAI's Responses too; `kept`: and keeps them for those who continue them. */
  readonly responses?: true | "kept";
  /** Serves Anthropic's Messages too: `here` on the same base URL, else the base URL, without `/v1`. */
  readonly anthropic?: string;
  /** Counts tokens for Anthropic's callers. */
  readonly countsTokens?: true;
  /** How a credential travels to the Anthropic endpoint, where not as bearer. */
  readonly anthropicKeyHeader?: true;
  /** Translated calls go to the Anthropic endpoint, which tells more than the other. */
  readonly anthropicFirst?: true;
  /** Refuses members it does not know, and tells usage unasked. */
  readonly refusesUsageOptIn?: true;
  /** Runs on the operator's own machines, most often without a credential. */
  readonly local?: true;
  /** What the vendor does its own way in chat; {@link plain} where left out. */
  readonly quirks?: readonly QuirkId[];
  /** Paths that are not the usual ones. */
  readonly paths?: Readonly<Partial<Record<UpstreamOperation, string>>>;
  /** Further endpoints, behind those that follow from the row. */
  readonly more?: Provider["endpoints"];
  /** `null`: none is published. OpenAI's `/models` where left out. */
  readonly models?: Provider["models"] | null;
  readonly lacks?: readonly Capability[];
  readonly settings?: Provider["settings"];
  readonly credentialForm?: string;
}

/** What nearly every vendor but OpenAI does: `max_tokens`, and no role `developer`. */
export const plain = ["max-tokens", "no-developer-role"] as const satisfies readonly QuirkId[];

const dialectOf: Readonly<Partial<Record<UpstreamOperation, DialectId>>> = {
  chat: "openai-chat",
  completions: "openai-chat",
  embeddings: "openai-chat",
  rerank: "jina-v1",
};

function openaiEndpoint(row: VendorRow, operation: UpstreamOperation): Endpoint {
  const usual = standardEndpoint(dialectOf[operation] ?? "openai-media", operation);
  if (usual === undefined) throw new TypeError(`${row.id}: no usual path for ${operation}`);
  const quirks = row.quirks ?? plain;
  const refusesWish = usual.usageOptIn && row.refusesUsageOptIn === true;
  return {
    ...usual,
    path: row.paths?.[operation] ?? usual.path,
    usageOptIn: usual.usageOptIn && !refusesWish,
    // Not the caller's own wish either.
    ...(refusesWish && { omit: ["stream_options"] }),
    ...(operation === "chat" && quirks.length > 0 && { quirks }),
  };
}

function anthropicEndpoint(row: VendorRow, operation: UpstreamOperation): readonly Endpoint[] {
  const usual = standardEndpoint("anthropic-messages", operation);
  if (row.anthropic === undefined || usual === undefined) return [];
  return [
    {
      ...usual,
      ...(row.anthropic !== "here" && { baseUrl: row.anthropic }),
      ...(row.anthropicKeyHeader && { auth: { kind: "header", name: "x-api-key" } as const }),
    },
  ];
}

function responsesEndpoint(row: VendorRow): readonly Endpoint[] {
  if (row.responses === "kept") return keptResponses();
  const usual = standardEndpoint("openai-responses", "chat");
  return row.responses === true && usual !== undefined ? [usual] : [];
}

function endpointsOf(row: VendorRow): Provider["endpoints"] {
  const found: Partial<Record<UpstreamOperation, readonly Endpoint[]>> = {};
  for (const operation of row.serves ?? ["chat"])
    found[operation] = [openaiEndpoint(row, operation)];
  const anthropic = anthropicEndpoint(row, "chat");
  const chat = found.chat ?? [];
  const both = row.anthropicFirst === true ? [...anthropic, ...chat] : [...chat, ...anthropic];
  const conversation = [...both, ...responsesEndpoint(row)];
  if (conversation.length > 0) found.chat = conversation;
  if (row.countsTokens === true) found["count-tokens"] = anthropicEndpoint(row, "count-tokens");
  for (const [operation, more] of Object.entries(row.more ?? {})) {
    const name = operation as UpstreamOperation;
    found[name] = [...(found[name] ?? []), ...more];
  }
  return found;
}

/** The manifest of a row. */
export function makeVendor(row: VendorRow): Provider {
  const models =
    row.models === undefined ? ({ path: "/models", shape: "openai" } as const) : row.models;
  return {
    id: row.id,
    label: row.label,
    docs: row.docs,
    defaultBaseUrl: row.baseUrl,
    auth: { kind: "bearer" },
    credentialRequired: row.local !== true,
    ...(row.credentialForm !== undefined && { credentialForm: row.credentialForm }),
    ...(row.settings !== undefined && { settings: row.settings }),
    ...(row.anthropic !== undefined && { headers: { "anthropic-version": "2023-06-01" } }),
    endpoints: endpointsOf(row),
    ...(models !== null && { models }),
    ...(row.lacks !== undefined && { lacks: row.lacks }),
  };
}
