/** Field rules of a model's description, and a row of `models` parsed by them. */
import { z } from "zod";
import type { RawRow } from "../store/sync-store.ts";
import type { ModelInfo } from "./entities.ts";
import { limitsField } from "./money-fields.ts";
import { modelName } from "./name-fields.ts";
import { entityId, integer, json, parseColumns, plain } from "./row-columns.ts";

export const modelFields = {
  model: modelName,
  owner: z.string().min(1, "must not be empty").max(191).nullable(),
  /** Tokens. */
  context: z.int().min(1).max(1_000_000_000).nullable(),
  modalities: z.array(z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/)).max(32),
  description: z.string().max(10_000).nullable(),
  limits: limitsField,
  /** Tokens. */
  maxOutput: z.int().min(1).max(1_000_000_000).nullable(),
};

const schema = z.object(modelFields);
const columns = {
  model: plain("model"),
  owner: plain("owner"),
  context: integer("context"),
  modalities: json("modalities", []),
  description: plain("description"),
  limits: json("limits", []),
  maxOutput: integer("max_output"),
};

/** Throws RowFault. */
export function parseModelRow(row: RawRow): ModelInfo {
  const id = entityId(row);
  return Object.freeze({ ...parseColumns(row, schema, columns), id, rev: Number(row.rev) });
}
