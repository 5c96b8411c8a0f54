/** Conversations that the gateway keeps for callers of Responses, where the upstream keeps none. */
import type { TableDefinition } from "../dialect.ts";

export const responseStates: TableDefinition = {
  name: "response_states",
  columns: {
    id: { type: { text: 191 } },
    owner_id: { type: "bigint" },
    parent_id: { type: { text: 191 }, nullable: true },
    links: { type: "int" },
    content: { type: "long" },
    created_at: { type: "bigint" },
    expires_at: { type: "bigint" },
  },
  primaryKey: ["id"],
  indexes: [["expires_at"]],
};
