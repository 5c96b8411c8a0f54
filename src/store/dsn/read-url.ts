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

export function readUrl(text: string): UrlParts {
  const authority = /^[a-z]+:\/\/([^/?]*)/i.exec(text)?.[1] ?? "";
  const hosts = authority.slice(authority.lastIndexOf("@") + 1);
  if (hosts.includes(","))
    throw new DsnError(
      "lists of hosts are not supported; name one address that always leads to the primary",
    );
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new DsnError(
      "it is not a valid URL; write /, ?, #, % and @ in user and password as %2F, %3F, %23, %25 and %40",
    );
  }
  if (url.hash !== "" || text.includes("#")) throw new DsnError("write # in the password as %23");
  return {
    host: decode("the host", url.hostname).replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? undefined : Number(url.port),
    user: decode("the user", url.username),
    password: decode("the password", url.password),
    database: decode("the database name", url.pathname.replace(/^\//, "")),
    parameters: [...url.searchParams],
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
