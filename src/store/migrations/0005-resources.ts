/** What callers made at vendors and may find again: vendors' own lists show what all tenants of an account made. */
import type { TableDefinition } from "../dialect.ts";

export const resources: TableDefinition = {
  name: "resources",
  columns: {
    digest: { type: { text: 64 } },
    owner_id: { type: "bigint" },
    dialect: { type: { text: 32 } },
    kind: { type: { text: 32 } },
    id: { type: "long" },
    content: { type: "long" },
    created_at: { type: "bigint" },
  },
  primaryKey: ["digest"],
  indexes: [["owner_id", "dialect", "kind", "created_at"]],
};
