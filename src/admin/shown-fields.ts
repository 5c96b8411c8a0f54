/** What every configuration object shows; for the reference. */
import { z } from "zod";

export const metaFields = {
  id: z.int(),
  /** Revision that last wrote it; also its ETag. */
  rev: z.int(),
  /** ISO 8601. */
  createdAt: z.string().nullable(),
  updatedAt: z.string().nullable(),
};
