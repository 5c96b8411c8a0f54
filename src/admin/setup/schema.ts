/** The first start: who uses the setup link up becomes root. */
import { z } from "zod";
import { userFields } from "../../sync/caller-fields.ts";

export const setupSchema = z.strictObject({
  /** Of the one-time link that the first start printed. */
  token: z.string().min(1).max(200),
  username: userFields.username.default("root"),
});

export const setupMade = z.object({
  id: z.int(),
  username: z.string(),
  /** Management token, shown only this once. */
  token: z.string(),
});
