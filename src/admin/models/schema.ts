/** What is told of a model in the management API. */
import { z } from "zod";
import { modelFields } from "../../sync/model-row.ts";
import { ownFields } from "../refused-fields.ts";
import { metaFields } from "../shown-fields.ts";
import { limitsInput, limitsShown } from "../spending-fields.ts";

export const modelSchema = z.strictObject({
  model: modelFields.model,
  owner: modelFields.owner.default(null),
  context: modelFields.context.default(null),
  modalities: modelFields.modalities.default([]),
  description: modelFields.description.default(null),
  limits: limitsInput,
  maxOutput: modelFields.maxOutput.default(null),
});

export type ModelRowFields = z.output<typeof modelSchema>;

export const modelShown = z.object({
  ...metaFields,
  model: z.string(),
  /** Shown as `owned_by` in `/v1/models`. */
  owner: z.string().nullable(),
  /** Tokens. */
  context: z.int().nullable(),
  modalities: z.array(z.string()),
  description: z.string().nullable(),
  limits: limitsShown,
  /** Tokens. */
  maxOutput: z.int().nullable(),
});

export const modelRefused = ownFields;
