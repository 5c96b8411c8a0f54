/** What a configuration noun tells of itself: its rules, its columns, its presentation, checks of its own. */
import type { z } from "zod";
import type { Manager } from "../auth/authenticate-manager.ts";
import type { JsonObject } from "../core/json-value.ts";
import type { Sql } from "../store/database.ts";
import type { Page, PageOptions } from "../store/pages.ts";
import type { ColumnValue, ConfigKind, RawRow, RowValues } from "../store/sync-store.ts";
import type { ConfigWrites } from "../sync/sync.ts";
import type { LaterFields } from "./parse-fields.ts";
import type { Allowed } from "./admin-route.ts";

/** A row as the store or the door's transaction reads it. */
export type AnyRow = Readonly<Record<string, ColumnValue>>;

/** A create or an edit under way, as a noun's own rules see it. */
export interface NounWrite<Fields> {
  readonly tx: ConfigWrites;
  readonly manager: Manager;
  /** Before; undefined: it is being created. */
  readonly row: RawRow | undefined;
  readonly fields: Fields;
  /** The request's own members, fields or not. */
  readonly body: JsonObject;
}

export interface NounRemoval {
  readonly tx: ConfigWrites;
  readonly manager: Manager;
  readonly row: RawRow;
}

export interface ConfigNoun<Fields> {
  readonly kind: ConfigKind;
  /** `channels`: the path's word. */
  readonly name: string;
  /** `channel`: in messages. */
  readonly singular: string;
  readonly readers: readonly Allowed[];
  readonly writers: readonly Allowed[];
  /** All fields with their defaults; strict. */
  readonly schema: z.ZodType<Fields>;
  /** What is shown; for the reference. */
  readonly shown: z.ZodType;
  /** Fields that are refused with a word of their own. */
  readonly refused: LaterFields;
  /** Allowed query parameters of the list; their parsed values are the store's filters. */
  readonly filters: z.ZodRawShape;
  readonly list: (db: Sql, options: PageOptions & { filters: never }) => Promise<Page<AnyRow>>;
  readonly find: (db: Sql, id: bigint) => Promise<AnyRow | undefined>;
  /** What else names a row in the path, where its id is not given. */
  readonly findId?: (db: Sql, name: string) => Promise<bigint | undefined>;
  /** Filters, by their names in the query, that hold a manager to what they may see. */
  readonly onlyFilters?: (manager: Manager) => Readonly<Record<string, unknown>>;
  readonly isVisible?: (manager: Manager, row: AnyRow) => boolean;
  /** What a row stands for in the schema's own terms: what a PATCH is merged into. */
  readonly input: (row: AnyRow) => JsonObject;
  readonly present: (db: Sql, rows: readonly AnyRow[]) => Promise<readonly JsonObject[]>;
  readonly columns: (fields: Fields, row: RawRow | undefined) => RowValues;
  /** Whether a manager may change this row; throws. */
  readonly mayChange?: (write: NounRemoval) => Promise<void> | void;
  /** Further rules of a create or an edit; may answer columns of its own. Throws. */
  readonly check?: (write: NounWrite<Fields>) => Promise<RowValues | void> | RowValues | void;
  /** Rows that belong to it and change with it. */
  readonly after?: (write: NounWrite<Fields> & { readonly id: number }) => Promise<void>;
  /** Rules and dependents of a deletion; throws. */
  readonly remove?: (removal: NounRemoval) => Promise<void>;
  /** Members of the body that are no fields of the schema, checked by `check`. */
  readonly aside?: readonly string[];
  /** Members whose values never enter the audit. */
  readonly redact?: readonly string[];
  /** Left to a route of its own. */
  readonly without?: "create";
}
