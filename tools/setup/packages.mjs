// Installs the packages of a folder's package-lock.json when they are not, or not those, that stand in its node_modules.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { KEPT } from "../../bin/kept-node.js";
import { npmInstall } from "./npm-client.mjs";

/** The root's record keeps its old name; each further folder has one of its own. */
function recordOf(root) {
  const isRoot = !/[\\/](test|tools)[\\/][^\\/]+[\\/]?$/.test(root);
  return join(KEPT, isRoot ? "installed.json" : `installed-${basename(root)}.json`);
}

/**
 * npm writes its hidden lock file last, so its presence says that an installation was completed, and its time whether
 * that was of today's lock. A file that git merely wrote anew has the same hash as the one we installed.
 */
export function packagesAreFresh(root) {
  const installed = timeOf(hiddenLock(root));
  if (installed === undefined) return false;
  return (
    installed >= (timeOf(join(root, "package-lock.json")) ?? Infinity) ||
    readRecord(root) === state(root)
  );
}

/** `npm ci`, development packages included, run by the Node that will use them. Call it under the set-up lock. */
export async function bringPackages(root, node, what = "packages") {
  process.stderr.write(`switchyard: installing ${what}\n`);
  await npmInstall(root, node);
  mkdirSync(KEPT, { recursive: true });
  writeFileSync(recordOf(root), state(root));
}

/** What is installed and what should be, in one text. */
function state(root) {
  const lock = createHash("sha256").update(readFileSync(join(root, "package-lock.json")));
  return JSON.stringify({ lock: lock.digest("hex"), installed: timeOf(hiddenLock(root)) });
}

function hiddenLock(root) {
  return join(root, "node_modules", ".package-lock.json");
}

function readRecord(root) {
  try {
    return readFileSync(recordOf(root), "utf8");
  } catch {
    return undefined;
  }
}

function timeOf(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
