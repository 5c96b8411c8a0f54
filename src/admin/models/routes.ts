/** Descriptions of models. */
import { z } from "zod";
import type { JsonObject } from "../../core/json-value.ts";
import { findModel, listModels } from "../../store/models.ts";
import { limitsColumn } from "../../sync/money-fields.ts";
import type { AdminParts } from "../admin-parts.ts";
import type { AnyRow, ConfigNoun } from "../config-noun.ts";
import { configRoutes } from "../config-routes.ts";
import { jsonColumn, numberColumn, presentMeta, textColumn } from "../present-value.ts";
import type { RouteSpec } from "../route-spec.ts";
import type { ModelRowFields } from "./schema.ts";
import { modelRefused, modelSchema, modelShown } from "./schema.ts";

export function modelRoutes(parts: AdminParts): readonly RouteSpec[] {
  const text = z.string().exactOptional();
  const noun: ConfigNoun<ModelRowFields> = {
    kind: "model",
    name: "models",
    singular: "model",
    readers: ["root", "admin", "member"],
    writers: ["root", "admin"],
    schema: modelSchema,
    shown: modelShown,
    refused: modelRefused,
    filters: { model: text, owner: text, search: text },
    list: listModels,
    find: findModel,
    input: modelInput,
    present: (_db, rows) =>
      Promise.resolve(rows.map((row) => ({ ...presentMeta(row), ...modelInput(row) }))),
    columns: (fields) => ({
      model: fields.model,
      owner: fields.owner,
      context: fields.context === null ? null : BigInt(fields.context),
      modalities: JSON.stringify(fields.modalities),
      description: fields.description,
      limits: limitsColumn(fields.limits),
      max_output: fields.maxOutput === null ? null : BigInt(fields.maxOutput),
    }),
  };
  return configRoutes(noun, parts);
}

function modelInput(row: AnyRow): JsonObject {
  return {
    model: textColumn(row["model"]),
    owner: textColumn(row["owner"]),
    context: numberColumn(row["context"], null),
    modalities: jsonColumn(row["modalities"], []),
    description: textColumn(row["description"]),
    limits: jsonColumn(row["limits"], []),
    maxOutput: numberColumn(row["max_output"], null),
  };
}
