/** Groups: what callers are grouped and priced by. `default` stays, and so does whatever is still named somewhere. */
import { z } from "zod";
import { GatewayError } from "../../core/errors.ts";
import { findGroup, findGroupBySymbol, listGroups } from "../../store/groups.ts";
import { listKeys } from "../../store/keys.ts";
import { listUsers } from "../../store/users.ts";
import { ruleColumns } from "../../sync/money-fields.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase } from "../ask-database.ts";
import type { ConfigNoun, NounRemoval, NounWrite } from "../config-noun.ts";
import { configRoutes } from "../config-routes.ts";
import { invalid } from "../parse-fields.ts";
import type { RouteSpec } from "../route-spec.ts";
import { groupInput, presentGroup } from "./present.ts";
import type { GroupFields } from "./schema.ts";
import { groupRefused, groupSchema, groupShown } from "./schema.ts";

export function groupRoutes(parts: AdminParts): readonly RouteSpec[] {
  const noun: ConfigNoun<GroupFields> = {
    kind: "group",
    name: "groups",
    singular: "group",
    readers: ["root", "admin"],
    writers: ["root", "admin"],
    schema: groupSchema,
    shown: groupShown,
    refused: groupRefused,
    filters: {
      enabled: z.stringbool().exactOptional(),
      search: z.string().exactOptional(),
    },
    list: listGroups,
    find: findGroup,
    findId: async (db, symbol) => {
      const row = await findGroupBySymbol(db, symbol);
      // To MySQL a name with a space at its end is the same.
      return row?.symbol === symbol ? row.id : undefined;
    },
    input: groupInput,
    present: (_db, rows) => Promise.resolve(rows.map(presentGroup)),
    columns: (fields) => ({
      symbol: fields.symbol,
      name: fields.name ?? fields.symbol,
      ratio: fields.ratio,
      public: fields.public ? 1 : 0,
      enabled: fields.enabled ? 1 : 0,
      ...ruleColumns(fields),
      promote_at: fields.promoteAt,
    }),
    check: checkGroup,
    remove: (removal) => checkUnused(parts, removal),
  };
  return configRoutes(noun, parts);
}

/** Channels, keys and users name a group by its symbol: it is the group's identity. */
function checkGroup({ row, fields }: NounWrite<GroupFields>): void {
  if (row !== undefined && row["symbol"] !== fields.symbol)
    throw invalid([
      {
        field: "symbol",
        message: "cannot be changed: make another group and move what names this one",
      },
    ]);
  if (fields.symbol === "default" && !fields.enabled)
    throw invalid([{ field: "enabled", message: "must stay true for the default group" }]);
}

const mostNamed = 5;

async function checkUnused(parts: AdminParts, { tx, row }: NounRemoval): Promise<void> {
  const symbol = String(row["symbol"]);
  if (symbol === "default")
    throw new GatewayError("conflict", "The default group cannot be deleted");
  const channels = [...tx.base.channels.values()].filter((channel) =>
    channel.groups.includes(symbol),
  );
  // The head is locked, so nothing that these reads find can change before this commits.
  const filters = { group: symbol };
  const keys = await askDatabase(parts, (db) => listKeys(db, { limit: mostNamed, filters }));
  const users = await askDatabase(parts, (db) => listUsers(db, { limit: mostNamed, filters }));
  const uses = [
    ...named(
      "channel",
      channels.map((channel) => channel.name),
    ),
    ...named(
      "key",
      keys.rows.map((key) => key.name),
    ),
    ...named(
      "user",
      users.rows.map((user) => user.username),
    ),
  ];
  if (uses.length > 0)
    throw new GatewayError("conflict", `Group ${symbol} is still used by ${uses.join(", ")}`);
}

function named(noun: string, names: readonly string[]): readonly string[] {
  return names.slice(0, mostNamed).map((name) => `${noun} "${name}"`);
}
