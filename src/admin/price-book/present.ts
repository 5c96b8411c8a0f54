/** A plan as the diff that an operator looks at. */
import type { JsonObject } from "../../core/json-value.ts";
import type { RawRow } from "../../store/sync-store.ts";
import type { Remark } from "./listed-price.ts";
import type { BookPlan, ChangedRow } from "./plan.ts";
import type { ReadList } from "./read-list.ts";
import { showRow } from "./render-row.ts";
import type { DiffFields } from "./schema.ts";

/** Models named in one line about what was not understood. */
const namedModels = 20;

export interface DiffToShow {
  readonly fields: DiffFields;
  readonly list: ReadList;
  readonly plan: BookPlan;
  readonly rows: readonly RawRow[];
}

export function presentDiff({ fields, list, plan, rows }: DiffToShow): JsonObject {
  const { source } = fields;
  const byId = new Map(rows.map((row) => [row.id, row] as const));
  return {
    source,
    digest: plan.digest,
    added: plan.models.flatMap((model) => model.added.map((row) => row.shown)),
    changed: plan.models.flatMap((model) => model.changed.map((row) => presentChange(row, byId))),
    removed: plan.models.flatMap((model) =>
      model.removed.map(({ id, shown }) => ({ id: Number(id), ...shown })),
    ),
    kept: plan.kept.map((model) => ({ ...model })),
    unchanged: plan.unchanged,
    missing: missingModels({ fields, list, rows }),
    notUnderstood: presentRemarks(list.remarks),
    passedOver: list.passedOver,
  };
}

function presentChange({ id, fields }: ChangedRow, rows: ReadonlyMap<bigint, RawRow>): JsonObject {
  const row = rows.get(id);
  const shown = row === undefined ? {} : showRow(row);
  return {
    id: Number(id),
    model: shown["model"] ?? "",
    channelId: shown["channelId"] ?? null,
    side: shown["side"] ?? "charge",
    effectiveFrom: shown["effectiveFrom"] ?? null,
    fields,
  };
}

/** Models that came from the source once; where only part of the list was asked for, nothing can be said of the others. */
function missingModels({ fields, list, rows }: Omit<DiffToShow, "plan">): readonly string[] {
  const { source, models, providers, channels } = fields;
  if (models !== null || providers !== null || channels !== null) return [];
  const listed = new Set(list.rows.map(({ columns }) => columns["model"]));
  const gone = rows.filter(
    (row) =>
      row["source"] === source &&
      Number(row["channel_id"] ?? 0) === 0 &&
      !listed.has(row["model"] ?? null),
  );
  return [...new Set(gone.map((row) => String(row["model"])))].sort();
}

/** Remarks that say the same of several models in one line. */
function presentRemarks(remarks: readonly Remark[]): readonly JsonObject[] {
  const lines = new Map<string, { readonly remark: Remark; readonly models: Set<string> }>();
  for (const remark of remarks) {
    const { vendor, field, effect, reason } = remark;
    const key = JSON.stringify([vendor, field, effect, reason]);
    const line = lines.get(key) ?? { remark, models: new Set<string>() };
    line.models.add(remark.model);
    lines.set(key, line);
  }
  return [...lines.values()].map(({ remark, models }) => {
    const { vendor, field, effect, reason } = remark;
    const named = [...models].slice(0, namedModels);
    return { vendor, field, effect, reason, count: models.size, models: named };
  });
}
