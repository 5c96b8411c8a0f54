/** What an account is in the management API. */
import { z } from "zod";
import { userFields } from "../../sync/caller-fields.ts";
import { instantField } from "../../sync/money-fields.ts";
import { readOnly } from "../parse-fields.ts";
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
  /** Only when it is made: the id or the invite code of the account that invited it. */
  invitedBy: z
    .union([z.int().min(1), z.string().min(1).max(64)])
    .nullable()
    .default(null),
});

export type UserFields = z.output<typeof userSchema>;

/** Dollars; null of postpaid accounts, which pay from no balance. */
const balanceShown = {
  balance: z.string().nullable(),
  /** Of the balance: held for calls that run or are expected. */
  reserved: z.string().nullable(),
};

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
  /** Id. */
  invitedBy: z.int().nullable(),
  ...balanceShown,
  inviteCode: z.string().nullable(),
});

/** The account behind a management token, for itself. */
export const accountShown = z.object({
  id: z.int(),
  username: z.string(),
  role: z.string(),
  group: z.string(),
  billing: z.enum(["prepaid", "postpaid"]),
  ...balanceShown,
  inviteCode: z.string().nullable(),
  /** How many accounts were made with its code. */
  invited: z.int(),
  /** Dollars that it got for them. */
  earned: z.string(),
});

export const userRefused = {
  ...laterFields("password"),
  balance: "is read-only: POST /api/users/:id/credits",
  reserved: readOnly,
  inviteCode: "is read-only: invitedBy names who invited",
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
