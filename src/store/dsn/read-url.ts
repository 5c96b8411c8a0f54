/** Takes a database URL apart without ever repeating its text in an error. */
import { DsnError } from "../database-target.ts";

export interface UrlParts {
  readonly host: string;
  readonly port: number | undefined;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly parameters: readonly (readonly [string, string])[];
}

const encodingHint = "write /, ?, #, % and @ in user and password as %2F, %3F, %23, %25 and %40";

/** Not WHATWG's parser: it refuses URLs that database clients take, like one with a user and no host. */
export function readUrl(text: string): UrlParts {
  const match = /^[a-z]+:\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?(#.*)?$/is.exec(text);
  if (match === null) throw new DsnError(`it is not a valid URL; ${encodingHint}`);
  const [, authority = "", path = "", query = "", fragment] = match;
  if (fragment !== undefined) throw new DsnError(`a # begins no part of it; ${encodingHint}`);
  const at = authority.lastIndexOf("@");
  const [user, password] = splitUser(at === -1 ? "" : authority.slice(0, at));
  return {
    ...readHost(authority.slice(at + 1)),
    user: decode("the user", user),
    password: decode("the password", password),
    database: decode("the database name", path),
    parameters: [...new URLSearchParams(query)],
  };
}

function splitUser(text: string): [string, string] {
  const colon = text.indexOf(":");
  return colon === -1 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
}

function readHost(text: string): { host: string; port: number | undefined } {
  if (text.includes(","))
    throw new DsnError(
      "lists of hosts are not supported; name one address that always leads to the primary",
    );
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(text);
  const port = match?.[2] ?? "";
  if (match === null || Number(port) > 65_535)
    throw new DsnError(`the address must be host:port; ${encodingHint}`);
  return {
    host: decode("the host", match[1] ?? "").replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? undefined : Number(port),
  };
}

/** Undoes percent-encoding; `what` names the part for the error. */
export function decode(what: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new DsnError(`${what} holds a % that begins no %XX; write it as %25`);
  }
}

/** A number of at least `least`, else an error that names the parameter. */
export function readNumber(name: string, text: string, least = 0): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < least)
    throw new DsnError(`the parameter ${name} must be a number of at least ${least}`);
  return value;
}

/** One of the given words, else an error that names them. */
export function readWord<T extends string>(name: string, text: string, words: readonly T[]): T {
  const found = words.find((word) => word === text);
  if (found === undefined)
    throw new DsnError(`the parameter ${name} must be one of ${words.join(", ")}`);
  return found;
}
