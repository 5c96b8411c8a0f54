/** A finished call as the management API tells it. */
import { z } from "zod";
import { idQuery, pageQuery } from "../ask-database.ts";
import { instantField } from "../../sync/money-fields.ts";

/** A point in time in a query: ISO 8601 with a zone, or ms UTC. */
export const instantQuery = z
  .string()
  .transform((text) => (/^\d{1,15}$/.test(text) ? Number(text) : text))
  .pipe(instantField);

export const callQuery = z.strictObject({
  ...pageQuery,
  key: idQuery.exactOptional(),
  user: idQuery.exactOptional(),
  channel: idQuery.exactOptional(),
  /** The model asked for. */
  model: z.string().exactOptional(),
  group: z.string().exactOptional(),
  status: z
    .string()
    .regex(/^\d{3}$/, "must be a status such as 200")
    .transform(Number)
    .exactOptional(),
  outcome: z.enum(["complete", "cut", "caller_gone", "failed", "interrupted"]).exactOptional(),
  /** Admission, inclusive. */
  from: instantQuery.exactOptional(),
  /** Exclusive. */
  to: instantQuery.exactOptional(),
});

export type CallQuery = z.output<typeof callQuery>;

export const callShown = z.object({
  id: z.string(),
  admittedAt: z.string().nullable(),
  node: z.string(),
  key: z.int(),
  user: z.int(),
  group: z.string(),
  channel: z.int().nullable(),
  dialect: z.string(),
  operation: z.string(),
  /** The model asked for. */
  model: z.string(),
  modelBilled: z.string(),
  modelSent: z.string().nullable(),
  modelReported: z.string().nullable(),
  status: z.int(),
  error: z.string().nullable(),
  outcome: z.string(),
  stream: z.boolean(),
  attempts: z.int(),
  usage: z.object({
    input: z.int(),
    cacheRead: z.int(),
    cacheWrite: z.int(),
    output: z.int(),
    reasoning: z.int(),
    estimated: z.boolean(),
  }),
  unpriced: z.boolean(),
  /** Dollars. */
  cost: z.string(),
  /** Dollars that the operator pays; members are not told. */
  channelCost: z.string().nullable(),
  serviceTier: z.string().nullable(),
  /** Written by a later process for one that died. */
  recovered: z.boolean(),
  price: z.int().nullable(),
  revision: z.int(),
  firstByteMs: z.number().nullable(),
  durationMs: z.number(),
  endUser: z.string().nullable(),
  address: z.string(),
  /** Lines of the charge, attempts, usage as the vendor told it; null once their days are over, absent in lists. */
  details: z.looseObject({}).nullable().exactOptional(),
});
