/**
 * One conversation with a database: a SQLite thread or a server connection. The pool and the Kysely driver above it
 * are the same for all engines; what differs between engines ends here.
 */

/** What a statement may carry. Everything else is refused before it is sent. */
export type SqlParameter = string | number | bigint | null | Uint8Array;

export interface SessionResult {
  /** BIGINT columns and integer sums are BigInt, INT columns are numbers, on every engine. */
  readonly rows: Record<string, unknown>[];
  readonly affected?: bigint;
  readonly insertId?: bigint;
}

export interface Session {
  /** False once the conversation broke: it must be thrown away, never reused. */
  readonly usable: boolean;
  /** One statement; the caller waits for each before it sends the next. */
  query(sql: string, parameters: readonly SqlParameter[]): Promise<SessionResult>;
  /** Ends it at once, whatever runs; pending statements reject. */
  destroy(): void;
  /** Ends it politely. Never rejects. */
  close(): Promise<void>;
}

/** The conversation broke, or did not answer in time: what ran may or may not have happened. */
export class SessionLost extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "SessionLost";
  }
}

/** Brings a value into the few forms that all drivers treat alike; throws TypeError for what has no column form. */
export function toParameter(value: unknown): SqlParameter {
  if (value === null || typeof value === "string" || typeof value === "bigint") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`a ${value === undefined ? "missing value" : typeof value} is no SQL value`);
}

/** Reads an exact decimal of a sum: whole numbers as BigInt, fractions (averages) as number. */
export function parseExact(text: string): bigint | number {
  return /^-?\d+$/.test(text) ? BigInt(text) : Number(text);
}
