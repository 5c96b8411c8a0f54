// What Switchyard asks of the Node that runs it, and how one process hands over to another.
// Plain JavaScript that Node 20 can run: where the rest cannot run, this must still say so in words.
import { spawn } from "node:child_process";
import * as crypto from "node:crypto";
import { constants } from "node:os";
import process from "node:process";

export const NEEDED = "Node.js 24.7 or newer, with node:sqlite, argon2 and TypeScript support";

/** True when the running Node has what the server uses. Features are asked for too: a build may leave parts out. */
export function isFit() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const newEnough = major > 24 || (major === 24 && minor >= 7);
  return newEnough && hasSqlite() && "argon2" in crypto && Boolean(process.features.typescript);
}

function hasSqlite() {
  return process.getBuiltinModule?.("node:sqlite") !== undefined;
}

/**
 * Goes on as another program, for good: same terminal, same environment, its exit code or signal becomes ours.
 * Where the process cannot be replaced (Node before 22.15, Windows) it stays as a parent that passes signals on.
 */
export function handOver(program, programArguments, env = process.env) {
  if (process.execve !== undefined && process.platform !== "win32") {
    process.execve(program, [program, ...programArguments], env);
  }
  // In a group of its own the child gets each signal from us alone, never a second time from the terminal.
  const detached = process.platform !== "win32";
  const child = spawn(program, programArguments, { stdio: "inherit", env, detached });
  passSignalsTo(child);
  child.once("error", (error) => {
    process.stderr.write(`switchyard: cannot run ${program}: ${error.message}\n`);
    process.exit(1);
  });
  child.once("exit", (code, signal) => endAs(code, signal));
}

const PASSED_ON = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"];
// npm repeats what the terminal already sent to the whole group; a person who insists takes longer than that.
const REPEAT_MS = 300;

function passSignalsTo(child) {
  const last = new Map();
  for (const signal of PASSED_ON) {
    process.on(signal, () => {
      const now = Date.now();
      if (now - (last.get(signal) ?? 0) < REPEAT_MS) return;
      last.set(signal, now);
      child.kill(signal);
    });
  }
}

function endAs(code, signal) {
  if (signal === null) process.exit(code ?? 1);
  // Dying of the same signal tells shells and service managers the truth.
  for (const name of PASSED_ON) process.removeAllListeners(name);
  process.kill(process.pid, signal);
  setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 100);
}
