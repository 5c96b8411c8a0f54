/** The door of this room: every provider a channel can name. Lists, checks and menus are derived from it. */
import { compatibleVendors } from "./compatible/vendors.ts";
import type { Provider } from "./contract.ts";

/** All providers, in the order they are shown. */
export const providers: readonly Provider[] = [...compatibleVendors];

const byId: Readonly<Record<string, Provider>> = Object.fromEntries(
  providers.map((provider) => [provider.id, provider]),
);

/** The provider of an id; undefined for names unknown to this build. */
export function findProvider(id: string): Provider | undefined {
  return Object.hasOwn(byId, id) ? byId[id] : undefined;
}
