/** Says in one sentence why a database could not be reached and how to mend it; never repeats a secret. */
import { messageOf } from "../core/errors.ts";
import { DsnError } from "./database-target.ts";
import { faultOf } from "./sql-errors.ts";

/** Cause and mend. Falls back to the error's own message where the cause is not known. */
export function explainConnectError(error: unknown): string {
  // It says all that this could.
  if (error instanceof DsnError) return error.message;
  for (let at = error, depth = 0; at !== undefined && depth < 5; depth += 1) {
    const found = explainOne(at);
    if (found !== undefined) return found;
    at = at instanceof AggregateError ? at.errors[0] : (at as { cause?: unknown } | null)?.cause;
  }
  return `The database could not be used: ${messageOf(error)}`;
}

function explainOne(error: unknown): string | undefined {
  const { code, errno, message } = faultOf(error);
  const byCode = codes[code] ?? numbers[errno];
  // The server says FATAL 28000 for both a refused account and a refused connection without encryption.
  if (/no encryption|SSL off|secure.transport/i.test(message)) return requiresTls;
  if (byCode !== undefined) return byCode;
  return texts.find(({ pattern }) => pattern.test(message))?.say;
}

const requiresTls =
  "The server demands encryption: add sslmode=require (PostgreSQL) or tls=skip-verify, better tls=true (MySQL), to SQL_DSN.";
const refusesTls =
  "The server offers no encryption but SQL_DSN demands it: enable TLS on the server, or use sslmode=disable (PostgreSQL) or tls=false (MySQL) on a trusted network.";
const authFailed =
  "The server refused the user name or password: check both in SQL_DSN (special characters of a URL must be %-encoded).";
const untrusted =
  "The server's certificate is not signed by a trusted root: name the root's PEM file with sslrootcert= (PostgreSQL) or ssl-ca= (MySQL), or NODE_EXTRA_CA_CERTS.";
const otherHost =
  "The server's certificate is made out to another host name: use that name in SQL_DSN, or verify only the root (sslmode=verify-ca, ssl-mode=VERIFY_CA).";
const readOnly =
  "The server is read-only (a standby, or a primary in failover): point SQL_DSN at the primary.";
const noDatabase =
  "The database named in SQL_DSN does not exist on the server: create it, or correct the name.";
const unreachable =
  "Nothing answered at the database's address: check host, port, firewall, and that the server runs.";
const tooMany =
  "The server has no free connections: raise its limit, or close what else uses them.";

const codes: Readonly<Record<string, string>> = {
  ECONNREFUSED:
    "The database's address refused the connection: check host and port in SQL_DSN and that the server runs.",
  ENOTFOUND:
    "The database's host name is not known: check the host in SQL_DSN and the name server.",
  EAI_AGAIN: "The database's host name could not be looked up now: check the name server.",
  ETIMEDOUT: unreachable,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  ECONNRESET:
    "The server closed the connection while it was being made: check that port and protocol are the database's.",
  ENOENT:
    "The database's socket file does not exist: check its path in SQL_DSN and that the server runs.",
  EACCES: "The database's file or socket may not be opened: check its owner and rights.",
  "28P01": authFailed,
  "28000": authFailed,
  "3D000": noDatabase,
  "42501": "The database user lacks rights: grant it CREATE and all rights on the schema.",
  "53300": tooMany,
  "57P03": "The server is starting up or shutting down: it is tried again.",
  "25006": readOnly,
  HANDSHAKE_NO_SSL_SUPPORT: refusesTls,
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  CERT_HAS_EXPIRED: "The server's certificate has expired: renew it on the server.",
  ERR_TLS_CERT_ALTNAME_INVALID: otherHost,
  SQLITE_CANTOPEN:
    "The database file cannot be opened: check SQLITE_PATH and the rights on its folder.",
  SQLITE_NOTADB: "The file at SQLITE_PATH is not a SQLite database.",
  SQLITE_READONLY: "The database file cannot be written: check the rights on it and on its folder.",
  SQLITE_FULL: "The disk that holds the database file is full.",
  SQLITE_CORRUPT: "The database file is damaged: restore it from a copy.",
};

/** MySQL's error numbers. */
const numbers: Readonly<Record<number, string>> = {
  1044: "The database user lacks rights on this database: grant it ALL on it.",
  1045: authFailed,
  1698: authFailed,
  1049: noDatabase,
  1040: tooMany,
  1203: tooMany,
  1226: tooMany,
  1290: readOnly,
  1836: readOnly,
  3159: requiresTls,
};

const texts: readonly { readonly pattern: RegExp; readonly say: string }[] = [
  { pattern: /does not support SSL|does not support secure/i, say: refusesTls },
  { pattern: /took too long|did not answer within|timeout expired/i, say: unreachable },
  { pattern: /does not match certificate's altnames/i, say: otherHost },
  { pattern: /self.signed certificate|unable to verify/i, say: untrusted },
];
