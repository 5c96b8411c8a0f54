/** The door of this room: every provider a channel can name. Lists, checks and menus are derived from it. */
import { GatewayError } from "../core/errors.ts";
import { findDialect } from "../dialects/registry.ts";
import { anthropic } from "./anthropic/provider.ts";
import { azureAnthropic, azureDeployments, azureV1 } from "./azure/provider.ts";
import { bedrock } from "./bedrock/provider.ts";
import { cohere } from "./cohere/provider.ts";
import { compatibleVendors } from "./compatible/vendors.ts";
import type { Provider } from "./contract.ts";
import { coze, cozeChina } from "./coze/provider.ts";
import { custom } from "./custom/provider.ts";
import { gemini } from "./gemini/provider.ts";
import { mediaVendors } from "./media/vendors.ts";
import { openai } from "./openai/provider.ts";
import { replicate } from "./replicate/provider.ts";
import { vertex, vertexExpress } from "./vertex/provider.ts";

/** All providers, in the order they are shown. */
export const providers: readonly Provider[] = [
  openai,
  anthropic,
  gemini,
  vertex,
  vertexExpress,
  bedrock,
  azureDeployments,
  azureV1,
  azureAnthropic,
  cohere,
  coze,
  cozeChina,
  custom,
  ...compatibleVendors,
  replicate,
  ...mediaVendors,
];

const byId: Readonly<Record<string, Provider>> = Object.fromEntries(
  providers.map((provider) => [provider.id, provider]),
);

/** Members of a body that a channel of this provider cannot set by its parameters. */
export function reservedParametersOf(provider: Provider): readonly string[] {
  const dialects = Object.values(provider.endpoints).flatMap((endpoints) =>
    endpoints.map((endpoint) => endpoint.dialect),
  );
  return [...new Set(dialects)].flatMap((id) => findDialect(id)?.reservedParameters ?? []);
}

/** The provider of an id; undefined for names unknown to this build. */
export function findProvider(id: string): Provider | undefined {
  return Object.hasOwn(byId, id) ? byId[id] : undefined;
}

/** As {@link findProvider}; throws `internal` for an unknown id. */
export function getProvider(id: string): Provider {
  const provider = findProvider(id);
  if (provider === undefined) throw new GatewayError("internal", `unknown provider ${id}`);
  return provider;
}
