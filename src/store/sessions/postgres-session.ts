/** A PostgreSQL connection. Promise: its settings are set, never assumed, and a dead one rejects what ran. */
import { Socket } from "node:net";
import type { TransactionSettings } from "kysely";
import { Client, types } from "pg";
import type { Clock } from "../../core/clock.ts";
import type { PostgresTarget } from "../database-target.ts";
import { openEncrypted } from "./open-encrypted.ts";
import type { Session, SessionResult, SqlParameter } from "./session.ts";
import { parseExact, SessionLost } from "./session.ts";
import { readTlsFiles } from "./tls-options.ts";

export interface SessionLimits {
  readonly clock: Clock;
  readonly statementTimeoutMs: number | undefined;
  readonly lockTimeoutMs: number | undefined;
}

/** Isolation is stated each time: a server's or a role's default must not change what we read. */
export function beginPostgres(settings: TransactionSettings): string[] {
  const isolation = settings.isolationLevel ?? "read committed";
  const access = settings.accessMode === undefined ? "" : ` ${settings.accessMode}`;
  // In one message: a pooler in transaction mode gives the next statement to the same server connection only after BEGIN.
  const limits =
    settings.accessMode === "read only"
      ? ""
      : "; set local idle_in_transaction_session_timeout = '5s'";
  return [`begin isolation level ${isolation}${access}${limits}`];
}

/** Connects, tries the kinds of encryption that the target allows, and makes the settings. */
export function openPostgresSession(
  target: PostgresTarget,
  limits: SessionLimits,
): Promise<PostgresSession> {
  return openEncrypted(target, limits.clock, {
    make: (encrypted) => new PostgresSession(target, encrypted),
    open: (session) => session.open(settingsText(target, limits)),
    isRefusal: isEncryptionRefusal,
  });
}

function isEncryptionRefusal(error: unknown): boolean {
  const { message, code } = error as { message?: string; code?: string };
  if (code === "28000") return /encryption|SSL/i.test(message ?? "");
  return /does not support SSL|SSL connection|ssl|tls/i.test(message ?? "") || isTlsCode(code);
}

function isTlsCode(code: string | undefined): boolean {
  return (
    code !== undefined &&
    /^(ERR_TLS|ERR_SSL|EPROTO|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED)/.test(code)
  );
}

function settingsText(target: PostgresTarget, limits: SessionLimits): string {
  const settings = [
    "set time zone 'UTC'",
    "set client_encoding = 'UTF8'",
    "set standard_conforming_strings = on",
    "set session characteristics as transaction isolation level read committed",
    `set statement_timeout = ${limits.statementTimeoutMs ?? 0}`,
    `set lock_timeout = ${limits.lockTimeoutMs ?? 0}`,
  ];
  if (target.searchPath !== undefined)
    settings.push(`set search_path = ${target.searchPath.split(",").map(quotePath).join(", ")}`);
  return settings.join("; ");
}

function quotePath(name: string): string {
  const bare = name.trim().replace(/^"(.*)"$/, "$1");
  return `"${bare.replaceAll('"', '""')}"`;
}

// INT8 and exact decimals as BigInt; everything else as pg reads it.
const typeParsers = {
  getTypeParser: (oid: number, format?: "text" | "binary"): ((text: string) => unknown) => {
    if (format !== "binary" && oid === types.builtins.INT8) return (text) => BigInt(text);
    if (format !== "binary" && oid === types.builtins.NUMERIC) return parseExact;
    return types.getTypeParser(oid, format as "text") as (text: string) => unknown;
  },
};

export class PostgresSession implements Session {
  usable = true;
  readonly #client: Client;
  readonly #socket = new Socket();
  #lost: Error | undefined;

  constructor(target: PostgresTarget, encrypted: boolean) {
    this.#client = new Client({
      host: target.host,
      port: target.port,
      user: target.user,
      // A function, so that pg never looks for a password file of its own.
      password: () => target.password,
      database: target.database,
      application_name: target.applicationName,
      ...(target.options !== undefined && { options: target.options }),
      ssl: encrypted ? tlsOptions(target) : false,
      ...(target.tls.direct && { sslnegotiation: "direct" as const }),
      enableChannelBinding: target.channelBinding,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      stream: () => this.#socket,
      types: typeParsers,
    });
    const lose = (cause: Error): void => {
      this.usable = false;
      this.#lost ??= cause;
    };
    this.#client.on("error", lose);
    this.#client.on("end", () => lose(new Error("the server closed the connection")));
  }

  async open(settings: string): Promise<void> {
    try {
      await this.#client.connect();
      await this.#client.query(settings);
    } catch (error) {
      throw this.#lost instanceof SessionLost ? this.#lost : error;
    }
  }

  /** Hears what is notified on channels that this session listens to, and the end of the session. */
  hear(handlers: { notified(channel: string): void; ended(): void }): void {
    this.#client.on("notification", ({ channel }) => handlers.notified(channel));
    this.#client.on("end", () => handlers.ended());
    if (!this.usable) handlers.ended();
  }

  /** Ends an attempt to connect that took too long. */
  giveUp(): void {
    this.#lost = new SessionLost("connecting to the database took too long");
    this.destroy();
  }

  async query(sql: string, parameters: readonly SqlParameter[]): Promise<SessionResult> {
    if (!this.usable) throw new SessionLost("the database connection is broken", this.#lost);
    try {
      const result =
        parameters.length === 0
          ? await this.#client.query(sql)
          : await this.#client.query(sql, parameters.map(toWire));
      const { command, rowCount, rows } = result;
      // An earlier error makes the server answer COMMIT with ROLLBACK, as a success.
      if (sql === "commit" && command === "ROLLBACK")
        throw new Error("the transaction was rolled back instead of committed");
      return { rows: rows ?? [], ...(rowCount !== null && { affected: BigInt(rowCount ?? 0) }) };
    } catch (error) {
      const { severity } = error as { severity?: string };
      if (severity === "FATAL" || severity === "PANIC") this.usable = false;
      if (this.usable || severity !== undefined) throw error;
      throw new SessionLost("the database connection was lost", error);
    }
  }

  destroy(): void {
    this.usable = false;
    this.#socket.destroy();
  }

  async close(): Promise<void> {
    this.usable = false;
    // end() waits for the server's goodbye, which a dead one never says.
    await new Promise<void>((resolve) => {
      this.#socket.once("close", () => resolve());
      if (this.#socket.destroyed) return resolve();
      this.#client.end().catch(() => undefined);
      this.#socket.end(() => this.#socket.destroy());
    });
  }
}

function toWire(value: SqlParameter): string | number | null | Buffer {
  if (typeof value === "bigint") return value.toString();
  return value instanceof Uint8Array ? Buffer.from(value) : value;
}

function tlsOptions(target: PostgresTarget): object {
  const { verify } = target.tls;
  return {
    ...readTlsFiles(target.tls),
    rejectUnauthorized: verify !== "none",
    ...(verify === "ca" && { checkServerIdentity: () => undefined }),
  };
}
