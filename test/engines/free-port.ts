// A loopback port for a server that must get the same one again after a restart.
import { randomInt } from "node:crypto";
import { closeSync, openSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Below the range from which systems hand out ports for outgoing connections and port 0:
// otherwise a stopped server's port could be gone when it comes back.
const FIRST = 20_000;
const LAST = 32_000;

/** Whoever was given a port listens on it by then. */
const claimedForMs = 300_000;

const claimed: string[] = [];
process.once("exit", () => claimed.forEach((path) => rmSync(path, { force: true })));

/** A port on 127.0.0.1 that nobody listens on now, and that no other test of the machine was given a moment ago. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(FIRST, LAST);
    if (claim(port) && (await canListen(port))) return port;
  }
  throw new Error(`no free port between ${FIRST} and ${LAST} on 127.0.0.1`);
}

/** False: another one has it, in this process or in one beside it. */
function claim(port: number): boolean {
  const path = join(tmpdir(), `switchyard-port-${port}`);
  try {
    if (Date.now() - statSync(path).mtimeMs > claimedForMs) rmSync(path, { force: true });
  } catch {
    // Nobody has it.
  }
  try {
    closeSync(openSync(path, "wx"));
  } catch {
    return false;
  }
  claimed.push(path);
  return true;
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1" }, () => server.close(() => resolve(true)));
  });
}
