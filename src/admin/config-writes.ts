/** Create, edit and delete of a configuration noun: through the one door, with the audit row in the same transaction. */
import type { Json, JsonObject } from "../core/json-value.ts";
import { GatewayError } from "../core/errors.ts";
import type { RawRow } from "../store/sync-store.ts";
import type { ConfigWrites } from "../sync/sync.ts";
import type { AdminParts } from "./admin-parts.ts";
import { askDatabase } from "./ask-database.ts";
import { auditDetail } from "./audit-detail.ts";
import type { AnyRow, ConfigNoun, NounWrite } from "./config-noun.ts";
import { findRowId, isVisible, managerOf, unknownRow } from "./config-reads.ts";
import { mergePatch, parseFields } from "./parse-fields.ts";
import type { ActReply, ActRequest } from "./route-spec.ts";
import { writeThrough } from "./write-through.ts";

export async function createRow<Fields>(
  noun: ConfigNoun<Fields>,
  parts: AdminParts,
  request: ActRequest,
): Promise<ActReply> {
  const { value, revision } = await writeThrough(parts.sync, request.author, (tx) =>
    insertRow(noun, tx, request),
  );
  return { ...(await shown(noun, parts, value)), status: 201, revision };
}

/** Inserts with all rules of the noun and the audit row; answers the new row. */
export async function insertRow<Fields>(
  noun: ConfigNoun<Fields>,
  tx: ConfigWrites,
  request: ActRequest,
): Promise<RawRow> {
  const { body } = request;
  const fields = parseFields(noun.schema, withoutAside(noun, body), noun.refused);
  const write: NounWrite<Fields> = {
    tx,
    manager: managerOf(request),
    row: undefined,
    fields,
    body,
  };
  const own = await noun.check?.(write);
  const values = {
    ...noun.columns(fields, undefined),
    ...own,
    created_at: BigInt(tx.nowMs),
    updated_at: BigInt(tx.nowMs),
  };
  const id = await tx.insert(noun.kind, values);
  await noun.after?.({ ...write, id });
  await tx.audit({
    action: "create",
    kind: noun.kind,
    entityId: String(id),
    detail: auditDetail(undefined, body, noun.redact),
  });
  return { ...values, id: BigInt(id), rev: BigInt(tx.revision) };
}

export async function editRow<Fields>(
  noun: ConfigNoun<Fields>,
  parts: AdminParts,
  request: ActRequest,
): Promise<ActReply> {
  const { body } = request;
  const { value, revision } = await writeThrough(parts.sync, request.author, async (tx) => {
    const row = await changeableRow(noun, parts, { tx, request });
    const before = noun.input(row);
    const fields = parseFields(
      noun.schema,
      mergePatch(before, withoutAside(noun, body)),
      noun.refused,
    );
    const write: NounWrite<Fields> = { tx, manager: managerOf(request), row, fields, body };
    const own = await noun.check?.(write);
    const values = { ...noun.columns(fields, row), ...own, updated_at: BigInt(tx.nowMs) };
    await tx.update(noun.kind, Number(row.id), values);
    await noun.after?.({ ...write, id: Number(row.id) });
    await tx.audit({
      action: "update",
      kind: noun.kind,
      entityId: String(row.id),
      detail: auditDetail(before, body, noun.redact),
    });
    return { ...row, ...values, rev: BigInt(tx.revision) };
  });
  return { ...(await shown(noun, parts, value)), revision };
}

export async function removeRow<Fields>(
  noun: ConfigNoun<Fields>,
  parts: AdminParts,
  request: ActRequest,
): Promise<ActReply> {
  const { value, revision } = await writeThrough(parts.sync, request.author, async (tx) => {
    const row = await changeableRow(noun, parts, { tx, request });
    await noun.remove?.({ tx, manager: managerOf(request), row });
    await tx.remove(noun.kind, Number(row.id));
    await tx.audit({
      action: "delete",
      kind: noun.kind,
      entityId: String(row.id),
      detail: auditDetail(noun.input(row), undefined, noun.redact),
    });
    return Number(row.id);
  });
  return { data: { id: value }, revision };
}

/** The row under the door's lock, when this manager may change it and it is the one that `If-Match` means. */
async function changeableRow<Fields>(
  noun: ConfigNoun<Fields>,
  parts: AdminParts,
  { tx, request }: { readonly tx: ConfigWrites; readonly request: ActRequest },
): Promise<RawRow> {
  const manager = managerOf(request);
  const id = await askDatabase(parts, (db) => findRowId(noun, db, request));
  const row = await tx.find(noun.kind, Number(id));
  if (row === undefined || !isVisible(noun, row, manager)) throw unknownRow(noun.singular, request);
  await noun.mayChange?.({ tx, manager, row });
  checkMatch(request.ifMatch, row.rev, noun.singular);
  return row;
}

/** Throws `precondition_failed` when `If-Match` names another revision of the object. */
export function checkMatch(ifMatch: string | undefined, rev: bigint, singular: string): void {
  const tags = ifMatch?.split(",").map((tag) => tag.trim().replace(/^(?:W\/)?"(.*)"$/, "$1"));
  if (tags === undefined || tags.includes("*") || tags.includes(String(rev))) return;
  throw new GatewayError(
    "precondition_failed",
    `The ${singular} has changed: its rev is ${rev} now`,
  );
}

async function shown<Fields>(
  noun: ConfigNoun<Fields>,
  parts: AdminParts,
  row: AnyRow,
): Promise<ActReply> {
  const [data] = await askDatabase(parts, (db) => noun.present(db, [row]));
  return { data: data ?? {}, rev: Number(row["rev"]) };
}

function withoutAside<Fields>(noun: ConfigNoun<Fields>, body: JsonObject): JsonObject {
  const rest: Record<string, Json> = { ...body };
  for (const name of noun.aside ?? []) delete rest[name];
  return rest;
}
