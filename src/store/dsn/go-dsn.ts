/** Go's MySQL form: `user:password@tcp(host:port)/database?parameters`, also `unix(/path)` and without a password. */
import type { MysqlTarget } from "../database-target.ts";
import { DsnError } from "../database-target.ts";
import type { MysqlAddress } from "./mysql-parameters.ts";
import { mysqlTarget } from "./mysql-parameters.ts";
import { decode } from "./read-url.ts";

const shape = "user:password@tcp(host:3306)/database";

export function parseGoDsn(text: string): MysqlTarget {
  // As the Go driver does: the last / begins the database name, the last @ before it ends the password.
  const slash = databaseSlash(text);
  if (slash === -1) throw new DsnError(`it is neither a URL nor of the form ${shape}`);
  const front = text.slice(0, slash);
  const [name = "", query = ""] = splitOnce(text.slice(slash + 1), "?");
  const at = front.lastIndexOf("@");
  if (at === -1) throw new DsnError(`the user is missing; the form is ${shape}`);
  const [user = "", password = ""] = splitOnce(front.slice(0, at), ":");
  const database = decode("the database name", name);
  const address: MysqlAddress = { ...readAddress(front.slice(at + 1)), user, password, database };
  return mysqlTarget(address, readParameters(query));
}

/** The / before the database name; a / in a parameter's value or in a socket's path is none. */
function databaseSlash(text: string): number {
  const closing = /\)\/[^/)]*(\?.*)?$/.exec(text);
  if (closing !== null) return closing.index + 1;
  const beforeQuery = text.replace(/\?[^@]*$/, "");
  return beforeQuery.lastIndexOf("/");
}

function readAddress(text: string): { host: string; port: number; socketPath?: string } {
  const match = /^([a-z0-9]*)(?:\((.*)\))?$/i.exec(text);
  if (match === null)
    throw new DsnError(`the address must be tcp(host:port) or unix(/path); the form is ${shape}`);
  const [, network = "", inside = ""] = match;
  if (network === "unix")
    return { host: "localhost", port: 3306, socketPath: inside || "/tmp/mysql.sock" };
  if (network !== "tcp" && network !== "tcp4" && network !== "tcp6" && network !== "")
    throw new DsnError(`the network ${network} is not known; use tcp(host:port) or unix(/path)`);
  if (inside.includes(","))
    throw new DsnError(
      "lists of hosts are not supported; name one address that always leads to the primary",
    );
  const parts = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(inside);
  if (parts === null) throw new DsnError("the address must be host:port");
  const host = (parts[1] ?? "").replace(/^\[(.*)\]$/, "$1");
  return { host: host === "" ? "127.0.0.1" : host, port: Number(parts[2] ?? 3306) };
}

function readParameters(query: string): [string, string][] {
  return query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const [name = "", value = ""] = splitOnce(pair, "=");
      return [name, decode(`the parameter ${name}`, value.replaceAll("+", " "))];
    });
}

function splitOnce(text: string, separator: string): [string, string] {
  const index = text.indexOf(separator);
  return index === -1 ? [text, ""] : [text.slice(0, index), text.slice(index + 1)];
}
