/** Operating settings: one validated document, not a bag of strings. */
import { createHash } from "node:crypto";
import type { Json, JsonObject } from "../../core/json-value.ts";
import { GatewayError } from "../../core/errors.ts";
import type { SettingRow } from "../../store/settings.ts";
import { listSettings } from "../../store/settings.ts";
import { fillSettings } from "../../sync/settings.ts";
import type { ConfigWrites } from "../../sync/sync.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase } from "../ask-database.ts";
import { auditDetail } from "../audit-detail.ts";
import { parseFields } from "../parse-fields.ts";
import { jsonColumn } from "../present-value.ts";
import type { ActReply, ActRequest, RouteSpec } from "../route-spec.ts";
import { writeThrough } from "../write-through.ts";
import { settingsPatch, settingsShown } from "./schema.ts";

const path = "/api/settings";

export function settingRoutes(parts: AdminParts): readonly RouteSpec[] {
  return [
    {
      method: "GET",
      path,
      roles: ["root", "admin"],
      summary: "Read all settings",
      result: settingsShown,
      act: () => read(parts),
    },
    {
      method: "PATCH",
      path,
      roles: ["root"],
      summary: "Change settings (JSON merge patch: null restores the default)",
      body: settingsPatch,
      result: settingsShown,
      act: (request) => edit(parts, request),
    },
  ];
}

async function read(parts: AdminParts): Promise<ActReply> {
  const rows = await askDatabase(parts, listSettings);
  return { data: present(rows), rev: documentRev(rows) };
}

async function edit(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const patch = parseFields(settingsPatch, request.body) as JsonObject;
  const { revision } = await writeThrough(parts.sync, request.author, async (tx) => {
    // Under the head's lock: what this read finds cannot change before the commit.
    const rows = await askDatabase(parts, listSettings);
    checkMatch(request.ifMatch, rows);
    for (const [name, value] of Object.entries(patch)) await save(tx, rows, [name, value]);
    await tx.audit({
      action: "update",
      kind: "setting",
      entityId: "settings",
      detail: auditDetail(present(rows), patch),
    });
  });
  const rows = await askDatabase(parts, listSettings);
  return { data: present(rows), rev: documentRev(rows), revision };
}

async function save(
  tx: ConfigWrites,
  rows: readonly SettingRow[],
  [name, value]: readonly [string, Json],
): Promise<void> {
  const row = rows.find((one) => one.name === name);
  const values = { value: JSON.stringify(value), updated_at: BigInt(tx.nowMs) };
  if (value === null) {
    if (row !== undefined) await tx.remove("setting", Number(row.id));
  } else if (row === undefined) await tx.insert("setting", { name, ...values });
  else await tx.update("setting", Number(row.id), values);
}

function present(rows: readonly SettingRow[]): JsonObject {
  const values = Object.fromEntries(
    rows.map((row): [string, Json] => [row.name, jsonColumn(row.value, null)]),
  );
  return { ...fillSettings(values) };
}

function checkMatch(ifMatch: string | undefined, rows: readonly SettingRow[]): void {
  const tags = ifMatch?.split(",").map((tag) => tag.trim().replace(/^(?:W\/)?"(.*)"$/, "$1"));
  if (tags === undefined || tags.includes("*") || tags.includes(String(documentRev(rows)))) return;
  throw new GatewayError("precondition_failed", "The settings have changed");
}

/** Changes whenever the document does, deletions included: a digest of which rows stand at which revision. */
function documentRev(rows: readonly SettingRow[]): number {
  const text = rows.map((row) => `${row.id}:${row.rev}`).join(",");
  return createHash("sha256").update(text).digest().readUIntBE(0, 6);
}
