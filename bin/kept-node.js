// The Node that a checkout brought for itself, kept in its ignored `.switchyard` folder.
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

export const NODE_VERSION = "26.10.0";

/** Folder of everything a checkout brings or makes for itself. */
export const KEPT = fileURLToPath(new URL("../.switchyard/", import.meta.url));

/** Its place on this platform, whether or not it is there. A checkout may be shared by machines of several kinds. */
export const NODE_FOLDER = join(KEPT, `node-${NODE_VERSION}-${process.platform}-${process.arch}`);

/** Its program, if it was brought and found working. */
export function keptNode() {
  const program = join(NODE_FOLDER, "bin", process.platform === "win32" ? "node.exe" : "node");
  return existsSync(program) ? program : undefined;
}
