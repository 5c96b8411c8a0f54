/** The door of this room: every provider a channel can name. Lists, checks and menus are derived from it. */
import { findDialect } from "../dialects/registry.ts";
import { compatibleVendors } from "./compatible/vendors.ts";
import type { Provider } from "./contract.ts";

/** All providers, in the order they are shown. */
export const providers: readonly Provider[] = [...compatibleVendors];

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
