// A loopback port for a server that must get the same one again after a restart.
import { randomInt } from "node:crypto";
import { createServer } from "node:net";

// Below the range from which systems hand out ports for outgoing connections and port 0:
// otherwise a stopped server's port could be gone when it comes back.
const FIRST = 20_000;
const LAST = 32_000;

/** A port on 127.0.0.1 that nobody listens on now. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(FIRST, LAST);
    if (await canListen(port)) return port;
  }
  throw new Error(`no free port between ${FIRST} and ${LAST} on 127.0.0.1`);
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1" }, () => server.close(() => resolve(true)));
  });
}
