/** The first start: who uses the setup link up becomes root. */
import { z } from "zod";
import { userFields } from "../../sync/caller-fields.ts";

export const setupSchema = z.strictObject({
  /** Of the one-time link that the first start printed. */
  token: z.string().min(1).max(200),
  username: userFields.username.default("root"),
  /** Whether the built-in prices are put in; left out: as `SEED_PRICES` says, else yes. */
  seedPrices: z.boolean().exactOptional(),
});

export const setupMade = z.object({
  id: z.int(),
  username: z.string(),
  /** Management token, shown only this once. */
  token: z.string(),
  /** How many of the built-in prices were put in; null: none yet, or none wanted. */
  prices: z.int().nullable(),
});
