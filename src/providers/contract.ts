/**
 * What a provider is: a manifest, data that the other rooms read instead of asking for names.
 * Promise kept here: nobody outside this room switches on a provider's id.
 */
import type { JsonObject } from "../core/json-value.ts";
import type { Framing } from "../dialects/codec.ts";
import type { QuirkId } from "../dialects/quirk-ids.ts";
import type { DialectId, Operation } from "../wire/call.ts";

/** How a credential travels. An empty credential is not sent. */
export type AuthScheme =
  | { readonly kind: "bearer" }
  /** Bare, in the named header. */
  | { readonly kind: "header"; readonly name: string }
  /** `Authorization: <word> <credential>` */
  | { readonly kind: "authorization"; readonly word: string }
  /** AWS Signature 4; a credential without `|` is a Bedrock API key and travels as bearer. */
  | { readonly kind: "aws-sigv4"; readonly service: string }
  /** A Google service account's JSON is exchanged for a token; anything else is an API key (`x-goog-api-key`). */
  | { readonly kind: "google" }
  /** An Azure API key (`api-key`), or `tenant|client|secret` exchanged for a token of Entra ID. */
  | { readonly kind: "azure"; readonly scope: string }
  /** In the header that the setting names: `authorization` as bearer, any other bare. */
  | { readonly kind: "choice"; readonly setting: string };

/** Operations that are sent upstream. */
export type UpstreamOperation = Exclude<Operation, "models" | "model" | "billing">;

/**
 * Where one operation is served and in which language. Paths are appended to the base URL and may hold `{model}` (the
 * name sent, percent-encoded), `{modelPath}` (the same with its slashes kept), `{credential:N}` (the Nth part of a
 * credential split at `|`, from 0) and `{setting}`s. address-channel.ts fills them in.
 */
export interface Endpoint {
  readonly dialect: DialectId;
  readonly path: string;
  /** Where streams are served, when elsewhere. */
  readonly streamPath?: string;
  /**
   * In place of the provider's base URL, when elsewhere (may hold `{setting}`s). Such an endpoint is left out where a
   * channel names a base URL of its own: its credential belongs there and goes nowhere else.
   */
  readonly baseUrl?: string;
  /** Behind the base URL without its version segment (Ollama's own API). */
  readonly unversioned?: true;
  /** In place of the provider's. */
  readonly auth?: AuthScheme;
  /** In place of the dialect's own. */
  readonly framing?: Framing;
  /** Whether `stream_options.include_usage` is understood; where it is not, the body stays without it. */
  readonly usageOptIn: boolean;
  /** Only for these models, as sent (`claude*`, `*.anthropic.*`); left out: all. */
  readonly models?: readonly string[];
  readonly quirks?: readonly QuirkId[];
  /** Members of the dialect's body that are not taken here. */
  readonly omit?: readonly string[];
  /** Members wanted beside. */
  readonly add?: JsonObject;
  /** Serves streams alone: whole replies are put together here. */
  readonly streamsOnly?: true;
  /** `anthropic-beta` travels as the body's `anthropic_beta` list. */
  readonly betasInBody?: true;
  /** Responses are kept there for those who continue them; left out: the gateway keeps them. */
  readonly keepsResponses?: true;
}

/** One thing an operator sets on a channel of this provider; forms are drawn from these. */
export interface ProviderSetting {
  /** Name in the channel's `settings`, and in `{name}` of paths. */
  readonly key: string;
  readonly label: { readonly en: string; readonly zh_CN: string };
  readonly help?: { readonly en: string; readonly zh_CN: string };
  readonly kind: "text" | "choice";
  readonly choices?: readonly string[];
  readonly required: boolean;
  readonly default?: string;
  /** What a value must look like (it becomes part of URLs): an anchored regular expression. */
  readonly pattern: string;
  /** Wanted only where the channel names no base URL of its own. */
  readonly forBaseUrl?: true;
}

/** A placeholder whose text follows from a setting: the host of a region. */
export interface DerivedPlaceholder {
  readonly setting: string;
  /** By the setting's value, or by what it begins with (`cn-*`). May hold `{setting}`s. */
  readonly cases: Readonly<Record<string, string>>;
  readonly otherwise: string;
}

/** Where a vendor lists its models, and in whose shape. */
export interface ModelListing {
  readonly path: string;
  /** In place of the provider's base URL; not asked where a channel names its own. */
  readonly baseUrl?: string;
  /** Behind the base URL without its version segment. */
  readonly unversioned?: true;
  readonly shape:
    | "openai"
    | "anthropic"
    | "gemini"
    | "ollama"
    | "cohere"
    | "bedrock"
    | "cloudflare";
}

/** What the conformance suite asks of every conversational endpoint; a provider names what it lacks. */
export type Capability =
  | "system"
  | "tools"
  | "parallel-tools"
  | "streamed-arguments"
  | "streaming"
  | "usage"
  | "images"
  /** Images that come with the request; others are given by URL. */
  | "inline-images"
  /** A limit of output tokens, and to say that it was met. */
  | "cut-off";

export interface Provider {
  readonly id: string;
  /** Shown to people, and as `owned_by` of models without an owner. */
  readonly label: string;
  /** The vendor's own API documentation. */
  readonly docs?: string;
  /** With its version segment, without a trailing slash; may hold `{setting}`s; null: each channel must name its own. */
  readonly defaultBaseUrl: string | null;
  readonly auth: AuthScheme;
  /** Whether a channel makes no sense without a credential. */
  readonly credentialRequired: boolean;
  /** What a credential looks like where it is not just a key: `access key ID|secret access key`. */
  readonly credentialForm?: string;
  readonly settings?: readonly ProviderSetting[];
  /** Further placeholders, by name. */
  readonly derived?: Readonly<Record<string, DerivedPlaceholder>>;
  /** Sent with every request unless caller or channel say otherwise (`anthropic-version`). */
  readonly headers?: Readonly<Record<string, string>>;
  /** `anthropic-beta` words that this provider takes; left out: all of them. */
  readonly betas?: readonly string[];
  /** In order of preference; the caller's own dialect is taken where it is among them. */
  readonly endpoints: Readonly<Partial<Record<UpstreamOperation, readonly Endpoint[]>>>;
  readonly models?: ModelListing;
  readonly lacks?: readonly Capability[];
}
