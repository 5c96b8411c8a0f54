// Behind every npm script: brings what the checkout lacks (a Node, the packages), then becomes the program asked for.
// Plain JavaScript on built-ins, because on a fresh clone there is nothing else. A second run finds all in place and
// asks the network nothing. What it has to say goes to stderr: stdout belongs to the program.
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { handOver, isFit } from "../bin/runtime.js";
import { KEPT, keptNode } from "../bin/kept-node.js";
import { bringNode } from "./setup/node-runtime.mjs";
import { bringPackages, packagesAreFresh } from "./setup/packages.mjs";
import { SetupError } from "./setup/setup-error.mjs";
import { withSetupLock } from "./setup/setup-lock.mjs";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

const COMMANDS = {
  start: ["src/main.ts", "serve"],
  test: ["tools/run-tests.ts"],
  check: ["tools/run-tests.ts", "--quick"],
  bench: ["bench/run.ts"],
  record: ["tools/record.ts"],
  build: ["tools/build.ts"],
};

const [command = "", ...rest] = process.argv.slice(2);
const line = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;

try {
  if (line === undefined) {
    throw new SetupError(
      `usage: node tools/bootstrap.mjs <${Object.keys(COMMANDS).join("|")}> [arguments]`,
    );
  }
  process.chdir(ROOT);
  const node = await readyNode();
  const [file = "", ...fixed] = line;
  handOver(node, [join(ROOT, file), ...fixed, ...rest], environment(node));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`switchyard: ${error.message}\n`);
  process.exitCode = 2;
}

/** Folders whose packages a command needs: the vendors' clients are only for those who test or check types. */
function packageFolders() {
  const tests = ["test", "check"].includes(command);
  return tests ? [ROOT, join(ROOT, "test", "sdk")] : [ROOT];
}

/** Path of a Node that fits, with the packages installed. */
async function readyNode() {
  const node = isFit() ? process.execPath : keptNode();
  const folders = packageFolders();
  if (node !== undefined && folders.every(packagesAreFresh)) return node;
  return await withSetupLock(async () => {
    // Another run may have done it all while this one waited for the lock.
    const fitNode = isFit() ? process.execPath : await bringNode();
    for (const folder of folders) {
      const what = folder === ROOT ? "packages" : "the clients that the tests use";
      if (!packagesAreFresh(folder)) await bringPackages(folder, fitNode, what);
    }
    return fitNode;
  });
}

function environment(node) {
  // Compiled code is kept between runs: a third off the start of every process, the tests' many included.
  const env = { NODE_COMPILE_CACHE: join(KEPT, "compile-cache"), ...process.env };
  // The tests of this very file need the Node that a user would start it with.
  if (command === "test" && node !== process.execPath) env.TEST_OLD_NODE = process.execPath;
  return env;
}
