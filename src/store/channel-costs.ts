/** What calls cost the operator, as a vendor's bill would list it: by UTC day and model. */
import { sql } from "kysely";
import type { Sql } from "./database.ts";

export interface ChannelCost {
  readonly day: number;
  readonly model: string;
  readonly modelReported: string | null;
  readonly calls: bigint;
  /** Cached input included. */
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  /** Nano-dollars. */
  readonly channelCost: bigint;
}

/** Exact sums of rows that reached a channel. */
export async function sumChannelCosts(
  db: Sql,
  ask: {
    readonly firstDay: number;
    readonly lastDay: number;
    readonly channelId: bigint | undefined;
  },
): Promise<readonly ChannelCost[]> {
  const model = sql<string>`coalesce(model_sent, model_billed)`;
  let query = db
    .selectFrom("calls")
    .select(["day", model.as("model"), "model_reported as modelReported"])
    .select([
      sql<bigint>`count(*)`.as("calls"),
      sql<bigint>`sum(input_tokens + cache_read_tokens + cache_write_tokens)`.as("inputTokens"),
      sql<bigint>`sum(output_tokens)`.as("outputTokens"),
      sql<bigint>`sum(channel_cost)`.as("channelCost"),
    ])
    .where("day", ">=", ask.firstDay)
    .where("day", "<=", ask.lastDay)
    .where("channel_id", "is not", null)
    .groupBy(["day", model, "model_reported"])
    .orderBy("day");
  if (ask.channelId !== undefined) query = query.where("channel_id", "=", ask.channelId);
  return await query.execute();
}
