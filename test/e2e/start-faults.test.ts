/** What can never work is said at start in one sentence that names the setting, and ends with 2. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "switchyard-start-"));
after(() => rmSync(folder, { recursive: true, force: true }));

async function start(
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number | null; readonly text: string }> {
  const child = spawn(process.execPath, [main, "serve"], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", PORT: "0", DATA_DIR: join(folder, "data"), ...env },
    timeout: 60_000,
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const code = await new Promise<number | null>((done) => child.once("close", done));
  return { code, text };
}

test("a data folder that is none", async () => {
  const path = join(folder, "a-file");
  writeFileSync(path, "");
  const { code, text } = await start({ DATA_DIR: path });
  assert.equal(code, 2, text);
  assert.match(text, /^DATA_DIR: the folder .*a-file cannot be used \(/m);
});

test("a database file that is a folder, and one that is no database; it stays as it was", async () => {
  const path = join(folder, "a-folder");
  mkdirSync(path);
  const first = await start({ SQLITE_PATH: path });
  assert.equal(first.code, 2, first.text);
  assert.match(first.text, /^SQLITE_PATH: the embedded database .*a-folder cannot be used\./m);
  const other = join(folder, "letters.txt");
  writeFileSync(other, "Dear Sir or Madam, ".repeat(500));
  const second = await start({ SQLITE_PATH: other });
  assert.equal(second.code, 2, second.text);
  assert.match(second.text, /^SQLITE_PATH: .*letters\.txt.* is not a SQLite database/m);
  assert.match(readFileSync(other, "utf8"), /^Dear Sir.*Madam, $/);
});

test("a foreign embedded database: refused before anything of the node runs", async () => {
  const path = join(folder, "foreign.db");
  const foreign = new DatabaseSync(path);
  foreign.exec("create table invoices (id integer)");
  foreign.close();
  const { code, text } = await start({ SQLITE_PATH: path });
  assert.equal(code, 2, text);
  assert.match(text, /invoices.*Nothing was written/);
  assert.doesNotMatch(text, /"level":[45]0/);
});
