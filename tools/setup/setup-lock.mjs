// Only one process sets a checkout up at a time; a second one waits and then finds everything done.
// A holder that died is found out, by its pid on the same machine and by its silence from anywhere else.
import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { KEPT } from "../../bin/kept-node.js";

const LOCK = join(KEPT, "lock");
const TAKEOVER = join(KEPT, "lock.takeover");
const BEAT_MS = 1000;
// Longer than a laptop's hiccup, shorter than a person's patience.
const SILENCE_MS = 20_000;
const HELPER_MS = 600_000;

/** Runs `work` while no other process of this checkout does. */
export async function withSetupLock(work) {
  mkdirSync(KEPT, { recursive: true });
  await takeLock();
  const beat = setInterval(() => touch(LOCK), BEAT_MS);
  const release = () => rmSync(LOCK, { force: true });
  process.on("exit", release);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    process.off("exit", release);
    release();
  }
}

/** Names the process that works for the holder: it may outlive a holder that was killed. */
export function noteHelper(helper) {
  writeFileSync(LOCK, holderText(helper));
}

function holderText(helper) {
  return JSON.stringify({ pid: process.pid, helper, host: hostname() });
}

async function takeLock() {
  const mine = holderText();
  for (let waited = 0; !createOnly(LOCK, mine); waited += 100) {
    if (isStale()) {
      removeStale();
      continue;
    }
    if (waited === 1000)
      process.stderr.write("switchyard: waiting for another set-up of this checkout to finish\n");
    await sleep(100);
  }
}

/** Two may find the same stale lock: who creates the second file removes it, after one more look. */
function removeStale() {
  if (!createOnly(TAKEOVER, "")) {
    if (silence(TAKEOVER) > SILENCE_MS) rmSync(TAKEOVER, { force: true });
    return;
  }
  if (isStale()) rmSync(LOCK, { force: true });
  rmSync(TAKEOVER, { force: true });
}

function isStale() {
  const holder = readHolder();
  const here = holder?.host === hostname();
  if (here && !isAlive(holder.pid)) {
    // An npm left over still writes where ours would. It ends by itself, unless its pid is somebody else's by now.
    return holder.helper === undefined || !isAlive(holder.helper) || silence(LOCK) > HELPER_MS;
  }
  return silence(LOCK) > SILENCE_MS;
}

function readHolder() {
  try {
    return JSON.parse(readFileSync(LOCK, "utf8"));
  } catch {
    // Gone, or its holder is between creating and writing it.
    return undefined;
  }
}

function silence(path) {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function createOnly(path, text) {
  try {
    writeFileSync(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

function touch(path) {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // Somebody removed the folder under us; the work itself will say so.
  }
}
