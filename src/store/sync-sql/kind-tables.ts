/** Which table holds which kind of configuration. */
import type { ConfigKind } from "../sync-store.ts";
import type { Tables } from "../tables.ts";

export const kindTables = {
  group: "groups",
  channel: "channels",
  credential: "credentials",
  price: "prices",
  model: "models",
  setting: "settings",
  user: "users",
  key: "keys",
  token: "tokens",
} as const satisfies Record<ConfigKind, keyof Tables>;

/**
 * The table of a kind, typed as one of them: all have `id` and `rev`, and sync reads and writes the rest as raw
 * columns that its own parsers check.
 */
export function tableOf(kind: ConfigKind): "settings" {
  return kindTables[kind] as "settings";
}
