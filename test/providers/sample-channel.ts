/**
 * Every provider's conversational endpoints, each with a channel that leads to it, out of the manifests: settings,
 * credentials and models that fit, and the URL that a vendor should see. A new provider is in the table by itself; a new
 * required setting needs a sample in sample-settings.ts.
 */
import { generateKeyPairSync } from "node:crypto";
import { compatibleVendors } from "../../src/providers/compatible/vendors.ts";
import type { AuthScheme, Capability, Endpoint, Provider } from "../../src/providers/contract.ts";
import { providers } from "../../src/providers/registry.ts";
import { standardDialects, standardEndpoint } from "../../src/providers/standard-endpoints.ts";
import type { ChannelSpec } from "../e2e/call-harness.ts";
import { sampleSettings } from "./sample-settings.ts";
import { exchangedToken } from "./scripted-vendor.ts";

/** Placeholders that follow from the samples, as the vendors' documentation says. */
const derived: Readonly<Record<string, string>> = {
  domain: "amazonaws.com",
  host: "aiplatform.googleapis.com",
};

/** Base URLs of providers that have none of their own. */
const sampleBaseUrls: Readonly<Record<string, string>> = {
  azure: "https://contoso.openai.azure.com",
  "azure-v1": "https://contoso.openai.azure.com/openai/v1",
  "azure-anthropic": "https://contoso.services.ai.azure.com/anthropic",
  custom: "https://relay.example/v1",
};

export function sampleBaseUrl(provider: Provider): string | null {
  if (provider.defaultBaseUrl !== null) return null;
  return sampleBaseUrls[provider.id] ?? "https://vendor.example/v1";
}

/** The provider's settings as an operator would fill them in: what is required and has no default. */
export function settingsFor(provider: Provider): Record<string, string> {
  const wanted = (provider.settings ?? []).filter(
    ({ required, default: usual }) => required && usual === undefined,
  );
  return Object.fromEntries(
    wanted.map(({ key, pattern }) => {
      const value = sampleSettings[key];
      if (value === undefined || !new RegExp(pattern).test(value))
        throw new Error(`${provider.id}: write a sample value of ${key} into sample-settings.ts`);
      return [key, value];
    }),
  );
}

const keys = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});

export const sampleSecret = "sk-vendor-SECRET-0123456789";

/** A credential in the provider's own form; empty: servers of one's own most often have none. */
export function sampleCredential(provider: Provider): string {
  if (!provider.credentialRequired && provider.auth.kind !== "choice") return "";
  if (provider.auth.kind === "aws-sigv4") return `AKIASAMPLE|${sampleSecret}`;
  if (provider.settings?.some(({ key }) => key === "tokenUrl") === true)
    return JSON.stringify({
      client_email: "gateway@my-project-1.iam.gserviceaccount.com",
      private_key: keys.privateKey,
    });
  return sampleSecret;
}

/** The header that shows a credential to the vendor, and what it must be or look like. */
export function expectedAuth(target: Target): {
  readonly name: string;
  readonly value: string | RegExp;
} {
  const scheme: AuthScheme = target.endpoint.auth ?? target.provider.auth;
  switch (scheme.kind) {
    case "bearer":
    case "choice":
      return { name: "authorization", value: `Bearer ${sampleSecret}` };
    case "header":
      return { name: scheme.name, value: sampleSecret };
    case "authorization":
      return { name: "authorization", value: `${scheme.word} ${sampleSecret}` };
    case "aws-sigv4":
      return {
        name: "authorization",
        value:
          /^AWS4-HMAC-SHA256 Credential=AKIASAMPLE\/\d{8}\/us-east-1\/bedrock\/aws4_request, SignedHeaders=[a-z0-9;-]+, Signature=[0-9a-f]{64}$/,
      };
    case "google":
      return sampleCredential(target.provider).startsWith("{")
        ? { name: "authorization", value: `Bearer ${exchangedToken}` }
        : { name: "x-goog-api-key", value: sampleSecret };
    case "azure":
      return { name: "api-key", value: sampleSecret };
  }
}

/** One conversational endpoint of a provider. */
export interface Target {
  readonly provider: Provider;
  readonly endpoint: Endpoint;
  readonly compatible: boolean;
  /** Name that callers use. */
  readonly alias: string;
  /** Name that is sent. */
  readonly model: string;
  readonly channel: ChannelSpec;
  readonly lacks: readonly Capability[];
  url(stream: boolean): string;
}

const fill = (template: string, values: Readonly<Record<string, string>>): string =>
  template.replaceAll(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);

/** A name that only this endpoint takes of those with a list of models. */
function modelOf(endpoint: Endpoint): string {
  return (endpoint.models?.[0] ?? "vendor-model:1").replaceAll("*", "x1");
}

/** Written apart from the gateway's own joining of URLs: a version that base and path both have stands once. */
function urlOf(provider: Provider, endpoint: Endpoint, stream: boolean): string {
  const path = (stream ? endpoint.streamPath : undefined) ?? endpoint.path;
  const base = endpoint.baseUrl ?? sampleBaseUrl(provider) ?? provider.defaultBaseUrl ?? "";
  const isRepeated = base.endsWith("/v1") && path.startsWith("/v1/");
  const cut = isRepeated || endpoint.unversioned === true ? base.replace(/\/v1$/, "") : base;
  return fill(cut + path, {
    ...sampleSettings,
    ...derived,
    region: provider.id === "vertex" ? "global" : (sampleSettings["region"] ?? ""),
    model: encodeURIComponent(modelOf(endpoint)),
  });
}

function targetOf(provider: Provider, endpoint: Endpoint, index: number): Target {
  const alias = `asked-${provider.id}-${index}`;
  const model = modelOf(endpoint);
  const credential = sampleCredential(provider);
  return {
    provider,
    endpoint,
    compatible: compatibleVendors.includes(provider),
    alias,
    model,
    lacks: provider.lacks ?? [],
    channel: {
      provider: provider.id,
      // A second API at an address of its own is left out where the channel names one.
      baseUrl: sampleBaseUrl(provider),
      models: [alias],
      modelMapping: { [alias]: model },
      credentials: credential === "" ? [] : [credential],
      options: { dialects: [endpoint.dialect], settings: settingsFor(provider) },
    },
    url: (stream) => urlOf(provider, endpoint, stream),
  };
}

/** A URL of one's own may speak any API at its usual paths. */
function namedEndpoints(provider: Provider): readonly Endpoint[] {
  const own = provider.endpoints.chat ?? [];
  if (provider.auth.kind !== "choice") return own;
  const others = standardDialects.filter((id) => own.every(({ dialect }) => dialect !== id));
  return [...own, ...others.flatMap((id) => standardEndpoint(id, "chat") ?? [])];
}

/** All of them, in the order of the registry. */
export const targets: readonly Target[] = providers.flatMap((provider) =>
  namedEndpoints(provider).map((endpoint, index) => targetOf(provider, endpoint, index)),
);
