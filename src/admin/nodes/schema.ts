/** What a node tells of itself in the management API. */
import { z } from "zod";

const rejectedRow = z.object({
  kind: z.string(),
  id: z.int(),
  rev: z.int(),
  reason: z.string(),
  /** Whether an earlier good content of the row goes on serving. */
  servingPrevious: z.boolean(),
});

export const nodeShown = z.object({
  id: z.string(),
  type: z.enum(["master", "slave", "unset"]),
  version: z.string(),
  startedAt: z.string().nullable(),
  heartbeatAt: z.string().nullable(),
  /** Whether it reported within the last 30 s. */
  live: z.boolean(),
  state: z.string(),
  epoch: z.string(),
  appliedRevision: z.int(),
  headRevision: z.int().nullable(),
  commitId: z.string(),
  lagMs: z.number(),
  stalenessMs: z.number(),
  digest: z.string(),
  lastError: z.string().nullable(),
  rejected: z.array(rejectedRow),
  leader: z.boolean(),
});
