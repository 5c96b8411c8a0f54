/** A job at a vendor as the management API tells it. */
import { z } from "zod";
import { idQuery, pageQuery } from "../ask-database.ts";

const kind = z.enum(["batch", "response"]);
const state = z.enum(["running", "ended", "lost"]);

export const jobQuery = z.strictObject({
  ...pageQuery,
  kind: kind.exactOptional(),
  state: state.exactOptional(),
  key: idQuery.exactOptional(),
  user: idQuery.exactOptional(),
  channel: idQuery.exactOptional(),
});

export type JobQuery = z.output<typeof jobQuery>;

export const jobShown = z.object({
  /** Of the call that began it. */
  id: z.string(),
  kind: z.string(),
  /** `running`, `ended` (charged), or `lost` (its vendor has it no more). */
  state: z.string(),
  key: z.int(),
  user: z.int(),
  group: z.string(),
  /** Members are not told. */
  channel: z.int().nullable(),
  dialect: z.string(),
  /** As they are billed. */
  models: z.array(z.string()),
  /** Dollars that are set aside in each budget of its payers. */
  held: z.string(),
  begunAt: z.string().nullable(),
  endedAt: z.string().nullable(),
  /** When its vendor is asked next; null once it is over. */
  nextPollAt: z.string().nullable(),
  polls: z.int(),
});
