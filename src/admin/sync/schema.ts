/** Sync as the management API tells it. */
import { z } from "zod";

export const syncShown = z.object({
  nodeId: z.string(),
  state: z.enum(["boot", "stale", "live", "degraded", "unsupported"]),
  appliedRevision: z.int().nullable(),
  headRevision: z.int().nullable(),
  commitId: z.string().nullable(),
  epoch: z.string().nullable(),
  digest: z.string().nullable(),
  source: z.enum(["database", "disk", "shared-copy"]).nullable(),
  stalenessMs: z.number(),
  lagMs: z.number(),
  lastError: z.string().nullable(),
  lastErrorAt: z.string().nullable(),
  bells: z.record(z.string(), z.enum(["up", "down"])),
  leader: z.string().nullable(),
});

export const convergenceShown = z.object({
  revision: z.int(),
  converged: z.boolean(),
  /** Live nodes that have not applied it. */
  pending: z.array(z.string()),
});

const revisionQuery = z
  .string()
  .regex(/^\d{1,15}$/, "must be a revision")
  .transform(Number)
  .exactOptional();

export const syncQuery = z.strictObject({
  /** Answers once this node serves the revision; 409 when it does not within `timeout`. */
  reached: revisionQuery,
  timeout: z.string().exactOptional(),
});

export const convergenceQuery = z.strictObject({
  revision: revisionQuery,
  timeout: z.string().exactOptional(),
});
