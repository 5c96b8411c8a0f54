// A first data folder takes seconds to make and a fraction of one to copy: it is made once per server version
// and kept in the checkout's ignored `.switchyard` folder for all later runs.
import { execFile, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Binaries, ServerName } from "./find-binaries.ts";
import { makeInstanceFolder, serverAccount } from "./instance-folder.ts";

const TEMPLATES = fileURLToPath(new URL("../../.switchyard/templates/", import.meta.url));
// Raise it when the recipe below a template changes.
const RECIPE = 3;

/** A data folder to copy, and the superuser's password in it. */
export interface DataTemplate {
  data: string;
  password: string;
}

/** How one server makes its first data folder: arguments for its helper program. */
export type MakeArguments = (data: string, passwordFile: string) => readonly string[];

/** The kept template of this server version; made first where there is none yet. */
export async function dataTemplate(
  name: ServerName,
  binaries: Binaries,
  make: MakeArguments,
): Promise<DataTemplate> {
  const version = execFileSync(binaries.server, ["--version"], { encoding: "utf8" });
  const key = `${name}-${version.trim().replaceAll(/[^\w.]+/g, "-")}-${RECIPE}`;
  const kept = join(TEMPLATES, key);
  if (!existsSync(kept)) await makeTemplate(kept, binaries, make);
  return { data: join(kept, "data"), password: readFileSync(join(kept, "password"), "utf8") };
}

async function makeTemplate(kept: string, binaries: Binaries, make: MakeArguments): Promise<void> {
  const work = makeInstanceFolder("template");
  const almost = `${kept}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    const passwordFile = join(work, "password");
    writeFileSync(passwordFile, randomBytes(12).toString("hex"), { mode: 0o644 });
    await promisify(execFile)(binaries.helper, [...make(join(work, "data"), passwordFile)], {
      ...serverAccount(),
      cwd: work,
      env: { PATH: process.env["PATH"], TMPDIR: work, HOME: work, LC_ALL: "C" },
    });
    mkdirSync(TEMPLATES, { recursive: true });
    // Passwords lie in it.
    chmodSync(TEMPLATES, 0o700);
    cpSync(work, almost, { recursive: true, verbatimSymlinks: true });
    // A rename is whole or nothing: two test files that make one at the same time cannot mix theirs.
    renameOrKeepOther(almost, kept);
  } finally {
    rmSync(almost, { recursive: true, force: true });
    rmSync(work, { recursive: true, force: true });
  }
}

function renameOrKeepOther(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}
