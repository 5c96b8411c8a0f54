/** What the three engines' errors mean to us, so that nobody else reads codes or message texts. */

/** The facts of an error that a database or its driver threw. */
export interface SqlFault {
  /** PostgreSQL SQLSTATE, SQLite or Node code (`SQLITE_BUSY`, `ECONNREFUSED`), or MySQL's symbolic name. */
  readonly code: string;
  /** MySQL error number; 0 elsewhere. */
  readonly errno: number;
  readonly message: string;
  /** PostgreSQL: the violated constraint. */
  readonly constraint: string;
}

export function faultOf(error: unknown): SqlFault {
  const fields = (typeof error === "object" && error !== null ? error : {}) as Record<
    string,
    unknown
  >;
  const text = (name: string): string => {
    const value = fields[name];
    return typeof value === "string" ? value : "";
  };
  const errno = fields["errno"];
  return {
    code: text("code"),
    errno: typeof errno === "number" ? errno : 0,
    message: text("message"),
    constraint: text("constraint"),
  };
}

const retryableCodes: readonly string[] = [
  "40001",
  "40P01",
  "55P03",
  "SQLITE_BUSY",
  "SQLITE_LOCKED",
];
// 1205 lock wait timeout, 1213 deadlock, 1020 changed since last read (MariaDB's snapshot isolation).
const retryableNumbers: readonly number[] = [1205, 1213, 1020];

/** The transaction lost against another and may simply be run again. */
export function isRetryable(error: unknown): boolean {
  const { code, errno } = faultOf(error);
  return retryableCodes.includes(code) || retryableNumbers.includes(errno) || isFailover(error);
}

/** The server turned read-only under us (demoted in a failover): reconnecting may find the new primary. */
export function isFailover(error: unknown): boolean {
  const { code, errno } = faultOf(error);
  return code === "25006" || errno === 1290 || errno === 1836;
}

/** Whether a unique value was taken, and the index (MySQL, PostgreSQL) or `table.column` (SQLite) that says so. */
export function violatedUnique(error: unknown): string | undefined {
  const { code, errno, message, constraint } = faultOf(error);
  if (code === "23505") return constraint;
  // The duplicate value stands in MySQL's message too and may hold anything: the index name is what comes last.
  if (errno === 1062) return /for key '([^']+)'$/.exec(message)?.[1] ?? "";
  if (code === "SQLITE_CONSTRAINT_UNIQUE" || code === "SQLITE_CONSTRAINT_PRIMARYKEY")
    return /constraint failed: (\S+)/.exec(message)?.[1] ?? "";
  return undefined;
}
