/** Keeps load and gateway apart: each on its own core where the system can (Linux), and reads what a process cost. */
import { execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

/** Puts a whole process on one core; false where that cannot be done (the figures then say so). */
export function pin(pid: number, core: number): boolean {
  try {
    execFileSync("taskset", ["-acp", String(core), String(pid)], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** CPU seconds (user + system, all threads) that a process has used; NaN where the system does not tell. */
export function cpuSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return Number.NaN;
  }
}

/** Resident memory in MB. */
export function residentMb(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) / 1024;
  } catch {
    return Number.NaN;
  }
}

/** Open file descriptors. */
export function openFiles(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return Number.NaN;
  }
}

export interface BareProxy {
  readonly port: number;
  readonly pid: number;
  close(): void;
}

/** Starts bare-proxy.ts in a process of its own. */
export async function startBareProxy(upstreamPort: number): Promise<BareProxy> {
  const child = spawn(
    process.execPath,
    [join(here, "bare-proxy.ts"), `http://127.0.0.1:${upstreamPort}`],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const line = await new Promise<string>((told, failed) => {
    child.stdout.once("data", (chunk: Buffer) => told(chunk.toString()));
    child.once("exit", () => failed(new Error("the bare proxy ended")));
  });
  const { port } = JSON.parse(line) as { port: number };
  return { port, pid: child.pid ?? -1, close: () => child.stdin.end() };
}
