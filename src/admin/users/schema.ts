/** What an account is in the management API. */
import { z } from "zod";
import { userFields } from "../../sync/caller-fields.ts";
import { instantField } from "../keys/schema.ts";
import { laterFields } from "../refused-fields.ts";
import { metaFields } from "../shown-fields.ts";
import { ratioInput, spendingInput, spendingShown } from "../spending-fields.ts";

export const userSchema = z.strictObject({
  username: userFields.username,
  role: userFields.role.default("member"),
  group: userFields.group.default("default"),
  billing: userFields.billing.default("postpaid"),
  status: userFields.status.default("enabled"),
  ...spendingInput,
  ratio: ratioInput,
});

export type UserFields = z.output<typeof userSchema>;

export const userShown = z.object({
  ...metaFields,
  username: z.string(),
  role: z.enum(["root", "admin", "member"]),
  group: z.string(),
  billing: z.enum(["prepaid", "postpaid"]),
  status: z.enum(["enabled", "disabled"]),
  ...spendingShown,
  /** Decimal. */
  ratio: z.string(),
});

export const userRefused = {
  ...laterFields("password"),
  balance: "is read-only",
};

export const tokenSchema = z.strictObject({
  name: z.string().min(1).max(191).default("management token"),
  expiresAt: instantField.nullable().default(null),
});

export const tokenShown = z.object({
  id: z.int(),
  name: z.string(),
  user: z.int(),
  expiresAt: z.string().nullable(),
  createdAt: z.string().nullable(),
});

/** What a creation answers: the only time that the token is shown. */
export const tokenMade = tokenShown.extend({ token: z.string() });

export const managerShown = z.object({ id: z.int(), username: z.string(), role: z.string() });
