/** Load over raw sockets on loopback: closed loop (n connections) or open loop (calls a second), bounded in time. */
import { connect, type Socket } from "node:net";

export interface LoadTarget {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface LoadResult {
  readonly calls: number;
  readonly faults: number;
  /** SSE events or bytes of `data:` lines seen. */
  readonly events: number;
  readonly seconds: number;
  /** Ms from sending to the first body byte, sorted. */
  readonly firstByteMs: readonly number[];
  /** Ms from sending to the reply's end, sorted. */
  readonly wholeMs: readonly number[];
}

function requestBytes(target: LoadTarget): Buffer {
  const headers = {
    host: "127.0.0.1",
    "content-type": "application/json",
    "content-length": Buffer.byteLength(target.body),
    ...target.headers,
  };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${target.path} HTTP/1.1\r\n${head.join("")}\r\n${target.body}`);
}

interface Outcome {
  readonly ok: boolean;
  readonly firstByteMs: number;
  readonly wholeMs: number;
  readonly events: number;
}

/** One keep-alive connection that makes one call after another. Understands content-length and chunked replies. */
class Connection {
  private socket: Socket | undefined;
  private readonly port: number;

  constructor(port: number) {
    this.port = port;
  }

  async call(bytes: Buffer): Promise<Outcome> {
    const socket = await this.open();
    const sent = performance.now();
    return await new Promise((resolve) => {
      let held = Buffer.alloc(0);
      let first = 0;
      let events = 0;
      let bodyStart = -1;
      let wanted = -1;
      const finish = (ok: boolean): void => {
        socket.off("data", onData);
        socket.off("close", onClose);
        if (!ok) this.socket = undefined;
        resolve({
          ok: ok && held.subarray(9, 12).toString() === "200",
          firstByteMs: first - sent,
          wholeMs: performance.now() - sent,
          events,
        });
      };
      const onClose = (): void => finish(false);
      const onData = (chunk: Buffer): void => {
        if (bodyStart < 0) {
          held = Buffer.concat([held, chunk]);
          const headEnd = held.indexOf("\r\n\r\n");
          if (headEnd < 0) return;
          bodyStart = headEnd + 4;
          const length = /content-length: *(\d+)/i.exec(held.toString("latin1", 0, headEnd))?.[1];
          wanted = length === undefined ? -1 : bodyStart + Number(length);
        } else
          held =
            wanted < 0
              ? Buffer.concat([
                  held.subarray(0, 16),
                  held.subarray(Math.max(16, held.length - 16)),
                  chunk,
                ])
              : Buffer.concat([held, chunk]);
        if (first === 0 && (wanted >= 0 || held.length > bodyStart)) first = performance.now();
        if (wanted < 0) events += countEvents(chunk);
        if (
          wanted >= 0 ? held.length >= wanted : held.subarray(-5).toString("latin1") === "0\r\n\r\n"
        )
          finish(true);
      };
      socket.on("data", onData);
      socket.on("close", onClose);
      socket.write(bytes);
    });
  }

  close(): void {
    this.socket?.destroy();
  }

  private async open(): Promise<Socket> {
    if (this.socket !== undefined && !this.socket.destroyed) return this.socket;
    const socket = connect(this.port, "127.0.0.1");
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    await new Promise<void>((open, failed) => {
      socket.once("connect", open);
      socket.once("close", () => failed(new Error("no connection")));
    });
    this.socket = socket;
    return socket;
  }
}

function countEvents(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf("data: "); at >= 0; at = chunk.indexOf("data: ", at + 6)) count += 1;
  return count;
}

function summary(outcomes: readonly Outcome[], seconds: number): LoadResult {
  const good = outcomes.filter((outcome) => outcome.ok);
  return {
    calls: good.length,
    faults: outcomes.length - good.length,
    events: good.reduce((sum, outcome) => sum + outcome.events, 0),
    seconds,
    firstByteMs: good.map((outcome) => outcome.firstByteMs).sort((a, b) => a - b),
    wholeMs: good.map((outcome) => outcome.wholeMs).sort((a, b) => a - b),
  };
}

/** As many calls as `connections` can make one after another within `seconds`. */
export async function closedLoop(
  target: LoadTarget,
  connections: number,
  seconds: number,
): Promise<LoadResult> {
  const bytes = requestBytes(target);
  const outcomes: Outcome[] = [];
  const start = performance.now();
  const end = start + seconds * 1000;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const connection = new Connection(target.port);
      while (performance.now() < end) outcomes.push(await connection.call(bytes));
      connection.close();
    }),
  );
  return summary(outcomes, (performance.now() - start) / 1000);
}

/** `rate` calls a second for `seconds`, each sent at its time whether or not earlier ones are answered. */
export async function openLoop(
  target: LoadTarget,
  rate: number,
  seconds: number,
): Promise<LoadResult> {
  const bytes = requestBytes(target);
  const idle: Connection[] = [];
  const running: Promise<Outcome>[] = [];
  const start = performance.now();
  for (let index = 0; index < rate * seconds; index += 1) {
    const due = start + (index * 1000) / rate;
    while (performance.now() < due)
      await new Promise((wake) =>
        due - performance.now() > 1.5 ? setTimeout(wake, 1) : setImmediate(wake),
      );
    const connection = idle.pop() ?? new Connection(target.port);
    running.push(
      connection.call(bytes).then((outcome) => {
        idle.push(connection);
        return outcome;
      }),
    );
  }
  const outcomes = await Promise.all(running);
  for (const connection of idle) connection.close();
  return summary(outcomes, (performance.now() - start) / 1000);
}

/** The value below which `share` (0–1) of the sorted numbers lie. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
