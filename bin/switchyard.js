#!/usr/bin/env node
// The installed command. It looks at the Node it runs on before it loads anything that needs a newer one.
import { existsSync, realpathSync } from "node:fs";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { keptNode } from "./kept-node.js";
import { handOver, isFit, NEEDED } from "./runtime.js";

const built = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const source = fileURLToPath(new URL("../src/main.ts", import.meta.url));

if (isFit()) {
  await import(pathToFileURL(existsSync(built) ? built : source).href);
} else {
  // A checkout that was started once has a newer Node in store. Where options from the environment make even that
  // one unfit, handing over again would never end.
  const node = keptNode();
  if (node === undefined || realpathSync(node) === realpathSync(process.execPath)) {
    process.stderr.write(
      `switchyard needs ${NEEDED}; this is Node.js ${process.versions.node} (${process.execPath}).\n` +
        "Install a newer one from https://nodejs.org or your system's packages, then run this again.\n",
    );
    process.exitCode = 2;
  } else {
    handOver(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)]);
  }
}
