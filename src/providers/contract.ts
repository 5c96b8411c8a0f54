/**
 * What a provider is: a manifest, data that the other rooms read instead of asking for names.
 * Promise kept here: nobody outside this room switches on a provider's id.
 */
import type { DialectId, Operation } from "../wire/call.ts";

/** How a credential travels. `header`: bare, in the named header. An empty credential is not sent. */
export type AuthScheme =
  | { readonly kind: "bearer" }
  | { readonly kind: "header"; readonly name: string };

/** Operations that are sent upstream. */
export type UpstreamOperation = Exclude<Operation, "models" | "model">;

/** Where one operation is served and in which language. */
export interface Endpoint {
  readonly dialect: DialectId;
  /** Appended to the channel's base URL. */
  readonly path: string;
  /** Whether `stream_options.include_usage` is understood; where it is not, the body stays without it. */
  readonly usageOptIn: boolean;
}

export interface Provider {
  readonly id: string;
  /** Shown to people, and as `owned_by` of models without an owner. */
  readonly label: string;
  /** With its version segment, without a trailing slash; null: each channel must name its own. */
  readonly defaultBaseUrl: string | null;
  readonly auth: AuthScheme;
  /** Whether a channel makes no sense without a credential. */
  readonly credentialRequired: boolean;
  readonly endpoints: Readonly<Partial<Record<UpstreamOperation, Endpoint>>>;
}
