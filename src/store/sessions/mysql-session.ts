/** A MySQL or MariaDB connection. Promise: its settings are set, never assumed, and a dead one rejects what ran. */
import type { Socket } from "node:net";
import { connect, isIP } from "node:net";
import type { TransactionSettings } from "kysely";
import type { Connection, ConnectionOptions, ResultSetHeader } from "mysql2";
import { createConnection } from "mysql2";
import type { MysqlTarget } from "../database-target.ts";
import { openEncrypted } from "./open-encrypted.ts";
import type { SessionLimits } from "./postgres-session.ts";
import type { Session, SessionResult, SqlParameter } from "./session.ts";
import { parseExact, SessionLost } from "./session.ts";
import { readTlsFiles } from "./tls-options.ts";

/**
 * Isolation is stated each time. A reading transaction takes its snapshot at once: under a server's READ COMMITTED,
 * MariaDB would silently ignore WITH CONSISTENT SNAPSHOT, hence the level before it.
 */
export function beginMysql(settings: TransactionSettings): string[] {
  const isolation = settings.isolationLevel ?? "read committed";
  const start =
    settings.accessMode === "read only"
      ? "start transaction with consistent snapshot, read only"
      : "start transaction";
  return [`set transaction isolation level ${isolation}`, start];
}

/** Connects, tries the kinds of encryption that the target allows, and makes the settings. */
export function openMysqlSession(target: MysqlTarget, limits: SessionLimits): Promise<Session> {
  return openEncrypted(target, limits.clock, {
    make: (encrypted) => new MysqlSession(target, encrypted),
    open: async (session) => {
      await session.open();
      await configure(session, limits);
    },
    isRefusal: isEncryptionRefusal,
  });
}

function isEncryptionRefusal(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return (
    code === "HANDSHAKE_NO_SSL_SUPPORT" ||
    code === "HANDSHAKE_SSL_ERROR" ||
    /secure transport|SSL/i.test(message ?? "")
  );
}

async function configure(session: MysqlSession, limits: SessionLimits): Promise<void> {
  const seconds = (milliseconds: number): number => Math.max(1, Math.ceil(milliseconds / 1000));
  const settings = [
    "autocommit = 1",
    "time_zone = '+00:00'",
    // NO_BACKSLASH_ESCAPES must be off: the driver escapes with backslashes.
    "sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
    // Ends an idle connection, and with it the locks of a process that was stopped in mid-transaction.
    "wait_timeout = 15",
  ];
  if (limits.lockTimeoutMs !== undefined)
    settings.push(`innodb_lock_wait_timeout = ${seconds(limits.lockTimeoutMs)}`);
  await session.query("set names utf8mb4 collate utf8mb4_bin", []);
  await session.query(`set ${settings.map((setting) => `session ${setting}`).join(", ")}`, []);
  // Finer limits where the server knows them; MySQL lacks the first, MariaDB the second.
  await trySetting(session, "idle_write_transaction_timeout = 5");
  if (limits.statementTimeoutMs !== undefined)
    await trySetting(session, `max_execution_time = ${limits.statementTimeoutMs}`);
}

async function trySetting(session: MysqlSession, setting: string): Promise<void> {
  try {
    await session.query(`set session ${setting}`, []);
  } catch (error) {
    // 1193: unknown system variable.
    if ((error as { errno?: number }).errno !== 1193) throw error;
  }
}

class MysqlSession implements Session {
  usable = true;
  readonly #connection: Connection;
  readonly #opened: Promise<void>;
  #lost: Error | undefined;

  constructor(target: MysqlTarget, encrypted: boolean) {
    this.#connection = createConnection(connectionOptions(target, encrypted));
    this.#connection.on("error", (error: Error) => this.#lose(error));
    this.#connection.on("end", () => this.#lose(new Error("the server closed the connection")));
    this.#opened = new Promise((resolve, reject) => {
      this.#connection.connect((error) => (error === null ? resolve() : reject(error)));
    });
    this.#opened.catch(() => undefined);
  }

  async open(): Promise<void> {
    const gaveUp = new Promise<never>((_, reject) => {
      this.#giveUp = reject;
    });
    await Promise.race([this.#opened, gaveUp]);
  }

  #giveUp: (error: Error) => void = () => undefined;

  /** Ends an attempt to connect that took too long. */
  giveUp(): void {
    const error = new SessionLost("connecting to the database took too long");
    this.destroy();
    this.#giveUp(error);
  }

  query(sql: string, parameters: readonly SqlParameter[]): Promise<SessionResult> {
    return new Promise((resolve, reject) => {
      const broken = (cause: unknown): void =>
        reject(new SessionLost("the database connection was lost", cause));
      if (!this.usable) return broken(this.#lost);
      // destroy() ends a connection without telling who waits on it.
      this.#abandon = broken;
      this.#connection.query(sql, parameters.map(toWire), (error, result) => {
        this.#abandon = () => undefined;
        if (error === null) return resolve(toResult(result));
        if ((error as { fatal?: boolean }).fatal === true) this.usable = false;
        if (this.usable || (typeof error.errno === "number" && error.errno > 0)) reject(error);
        else broken(error);
      });
    });
  }

  #abandon: (cause: unknown) => void = () => undefined;

  destroy(): void {
    this.usable = false;
    this.#connection.destroy();
    this.#abandon(this.#lost ?? new Error("the connection was ended"));
  }

  async close(): Promise<void> {
    this.usable = false;
    this.#connection.end(() => undefined);
    this.#connection.destroy();
  }

  #lose(cause: Error): void {
    this.usable = false;
    this.#lost ??= cause;
    this.#abandon(cause);
  }
}

/**
 * By the driver's own dialling a server that is addressed by number is checked against the name `localhost`: Node takes
 * the name to check from the socket, which keeps one only where a name was dialled.
 */
function dialNumber(host: string, port: number): Socket {
  const socket = connect({ host, port, noDelay: true, keepAlive: true });
  return Object.assign(socket, { _host: host });
}

function connectionOptions(target: MysqlTarget, encrypted: boolean): ConnectionOptions {
  const { verify } = target.tls;
  return {
    ...(target.socketPath === undefined
      ? { host: target.host, port: target.port }
      : { socketPath: target.socketPath }),
    user: target.user,
    password: target.password,
    ...(target.database !== "" && { database: target.database }),
    ...(encrypted &&
      verify === "full" &&
      isIP(target.host) !== 0 && { stream: () => dialNumber(target.host, target.port) }),
    ...(encrypted && {
      ssl: {
        ...readTlsFiles(target.tls),
        rejectUnauthorized: verify !== "none",
        verifyIdentity: verify === "full",
      },
    }),
    charset: "UTF8MB4_BIN",
    supportBigNumbers: true,
    bigNumberStrings: true,
    timezone: "Z",
    dateStrings: true,
    stringifyObjects: true,
    multipleStatements: false,
    connectTimeout: target.connectTimeoutMs,
    enableKeepAlive: true,
    keepAliveInitialDelay: 10_000,
    connectAttributes: { program_name: target.applicationName },
    typeCast: (field, next) => {
      if (field.type === "LONGLONG") return mapText(field.string(), BigInt);
      if (field.type === "NEWDECIMAL" || field.type === "DECIMAL")
        return mapText(field.string(), parseExact);
      return next();
    },
  };
}

function mapText<T>(text: string | null, parse: (text: string) => T): T | null {
  return text === null ? null : parse(text);
}

function toWire(value: SqlParameter): SqlParameter | Buffer {
  return value instanceof Uint8Array ? Buffer.from(value) : value;
}

function toResult(result: unknown): SessionResult {
  if (Array.isArray(result)) return { rows: result as Record<string, unknown>[] };
  const { affectedRows, insertId } = result as ResultSetHeader;
  return {
    rows: [],
    affected: BigInt(affectedRows),
    ...(Number(insertId) !== 0 && { insertId: BigInt(insertId) }),
  };
}
