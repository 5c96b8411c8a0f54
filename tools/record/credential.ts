/** The vendor's key: from a file or the environment, never from the command line, where others could see it. */
import { existsSync, readFileSync } from "node:fs";
import { RecordError } from "./record-error.ts";

/** Empty: none was given. */
export function readCredential(path: string | undefined, variable: string | undefined): string {
  if (path === undefined) return variable?.trim() ?? "";
  if (!existsSync(path)) throw new RecordError(`--credential-file ${path} does not exist`, 2);
  return readFileSync(path, "utf8").trim();
}
