/** An audit entry as the management API tells it. */
import { z } from "zod";
import { pageQuery } from "../ask-database.ts";

const text = z.string().exactOptional();

export const auditQuery = z.strictObject({
  ...pageQuery,
  kind: text,
  entity: text,
  actor: text,
  action: text,
});

export const auditShown = z.object({
  id: z.int(),
  at: z.string().nullable(),
  actorId: z.int().nullable(),
  actor: z.string(),
  action: z.string(),
  kind: z.string(),
  entity: z.string(),
  revision: z.int(),
  /** What changed, before and after; secrets are redacted. */
  detail: z.unknown(),
  address: z.string(),
  requestId: z.string(),
});
