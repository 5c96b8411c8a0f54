/** What a caller's key is in the management API. */
import { z } from "zod";
import { keyFields } from "../../sync/caller-fields.ts";
import { instantField } from "../../sync/money-fields.ts";
import { laterFields } from "../refused-fields.ts";
import { metaFields } from "../shown-fields.ts";
import { ratioInput, spendingInput, spendingShown } from "../spending-fields.ts";

/** Other gateways count in seconds: such a number is a time in 1970 here, and the key would be dead from the start. */
const expiryField = instantField.refine(
  (timeMs) => timeMs >= 100_000_000_000,
  "must be a time such as 2030-01-31T00:00:00Z, or milliseconds (not seconds) since 1970",
);

const neverEmpty = "must not be empty: null allows all, status disabled allows none";

/** An account: its id, or its username. */
const ownerField = z.union([z.int().min(1), z.string().min(1).max(191)]);

export const keySchema = z.strictObject({
  name: keyFields.name,
  owner: ownerField.exactOptional(),
  group: keyFields.group.default(null),
  fallbackGroup: keyFields.fallbackGroup.default(null),
  models: keyFields.models.refine((list) => list?.length !== 0, neverEmpty).default(null),
  ipRanges: keyFields.ipRanges.refine((list) => list?.length !== 0, neverEmpty).default(null),
  expiresAt: expiryField.nullable().default(null),
  status: keyFields.status.default("enabled"),
  ...spendingInput,
  ratio: ratioInput,
});

export type KeyFields = z.output<typeof keySchema>;

export const keyShown = z.object({
  ...metaFields,
  name: z.string(),
  /** Id of the owner. */
  owner: z.int(),
  group: z.string().nullable(),
  fallbackGroup: z.string().nullable(),
  models: z.array(z.string()).nullable(),
  ipRanges: z.array(z.string()).nullable(),
  expiresAt: z.string().nullable(),
  status: z.enum(["enabled", "disabled"]),
  ...spendingShown,
  /** Decimal. */
  ratio: z.string(),
  /** Last four characters of the key. */
  hint: z.string(),
});

/** What a creation answers: the only time that the key is shown. */
export const keyMade = keyShown.extend({ key: z.string() });

export const keyRefused = {
  ...laterFields("heartbeat"),
  key: "cannot be chosen: the gateway makes it",
  hint: "is read-only",
};
