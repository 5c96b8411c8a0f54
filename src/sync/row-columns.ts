/**
 * Reads a raw row through a noun's field rules. Promise: a row is parsed whole or refused with the column named;
 * nothing is guessed, and a bad value can never throw anything else.
 */
import type { z } from "zod";
import type { FieldFault } from "../core/errors.ts";
import type { ColumnValue, RawRow } from "../store/sync-store.ts";

/** A row that does not parse. `message` names the columns, `fields` the fields of the management API. */
export class RowFault extends Error {
  readonly fields: readonly FieldFault[];
  constructor(faults: readonly { column: string; field: string; message: string }[]) {
    super(faults.map((fault) => `${fault.column}: ${fault.message}`).join("; "));
    this.name = "RowFault";
    this.fields = faults.map(({ field, message }) => ({ field, message }));
  }
}

/** How one field lies in the table: its column, and what the column's value stands for. */
export interface ColumnRule {
  readonly column: string;
  readonly decode: (value: ColumnValue) => unknown;
}

class BadColumn extends Error {}

export function plain(column: string): ColumnRule {
  return { column, decode: (value) => value };
}

/** An integer that fits a number, from whatever integer type the engine gives. */
export function integer(column: string): ColumnRule {
  return {
    column,
    decode: (value) => {
      if (typeof value !== "bigint") return value;
      const number = Number(value);
      if (!Number.isSafeInteger(number)) throw new BadColumn("is out of range");
      return number;
    },
  };
}

/** 0 or 1. */
export function flag(column: string): ColumnRule {
  return {
    column,
    decode: (value) => {
      if (value === 1 || value === 1n) return true;
      if (value === 0 || value === 0n) return false;
      throw new BadColumn("must be 0 or 1");
    },
  };
}

export function bigInteger(column: string): ColumnRule {
  return {
    column,
    decode: (value) =>
      typeof value === "number" && Number.isInteger(value) ? BigInt(value) : value,
  };
}

/** JSON text; NULL stands for `absent`. */
export function json(column: string, absent?: unknown): ColumnRule {
  return {
    column,
    decode: (value) => {
      if (value === null) return absent === undefined ? null : absent;
      if (typeof value !== "string") throw new BadColumn("must be JSON text");
      // Such a member would vanish or do harm when the object is copied.
      if (value.includes('"__proto__"')) throw new BadColumn("must have no member `__proto__`");
      try {
        return JSON.parse(value) as unknown;
      } catch {
        throw new BadColumn("is not valid JSON");
      }
    },
  };
}

/** `models[0]` from `["models", 0]`. */
function fieldPath(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += text === "" ? String(part) : `.${String(part)}`;
  }
  return text;
}

/** Decodes the columns and checks them by the schema; throws {@link RowFault}. */
export function parseColumns<S extends z.ZodType>(
  row: RawRow,
  schema: S,
  rules: Readonly<Record<string, ColumnRule>>,
): z.output<S> {
  const values: Record<string, unknown> = {};
  const faults: { column: string; field: string; message: string }[] = [];
  for (const [field, rule] of Object.entries(rules)) {
    try {
      values[field] = rule.decode(row[rule.column] ?? null);
    } catch (error) {
      if (!(error instanceof BadColumn)) throw error;
      faults.push({ column: rule.column, field, message: error.message });
    }
  }
  if (faults.length > 0) throw new RowFault(faults);
  const result = schema.safeParse(values);
  if (result.success) return result.data;
  throw new RowFault(
    result.error.issues.map((issue) => ({
      column: rules[String(issue.path[0])]?.column ?? String(issue.path[0] ?? "row"),
      field: fieldPath(issue.path),
      message: issue.message,
    })),
  );
}

/** A row's id as entities carry it. */
export function entityId(row: RawRow): number {
  const id = Number(row.id);
  if (Number.isSafeInteger(id) && id > 0) return id;
  throw new RowFault([{ column: "id", field: "id", message: "is out of range" }]);
}
