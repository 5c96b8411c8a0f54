import assert from "node:assert/strict";
import { test } from "node:test";
import type { Socket, SocketMessage } from "../../wire/socket.ts";
import { SocketPump, type Turn } from "./socket-pump.ts";

interface Played {
  readonly pump: SocketPump;
  readonly sent: string[];
  readonly calls: string[];
  readonly faults: unknown[];
  /** What the next sends answer. */
  readonly waits: (Promise<void> | undefined)[];
}

const silent: Socket = {
  send: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
  close: () => undefined,
};

function play(turn: Turn): Played {
  const sent: string[] = [];
  const calls: string[] = [];
  const faults: unknown[] = [];
  const waits: (Promise<void> | undefined)[] = [];
  const pump = new SocketPump({
    from: {
      ...silent,
      pause: () => void calls.push("pause"),
      resume: () => void calls.push("resume"),
    },
    to: {
      ...silent,
      send: ({ data }) => {
        sent.push(data.toString());
        return waits.shift();
      },
    },
    turn,
    onFault: (thrown) => void faults.push(thrown),
  });
  return { pump, sent, calls, faults, waits };
}

const text = (data: string): SocketMessage => ({ data: Buffer.from(data), isBinary: false });
const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test("messages pass at once where nobody waits, and pauses nobody", () => {
  const { pump, sent, calls } = play((message) => message);
  for (const one of ["a", "b"]) pump.push(text(one));
  assert.deepEqual([sent, calls], [["a", "b"], []]);
});

test("a slow reader pauses the sender until it has read", async () => {
  const { pump, sent, calls, waits } = play((message) => message);
  const drained = Promise.withResolvers<void>();
  waits.push(drained.promise);
  for (const one of ["a", "b"]) pump.push(text(one));
  await settle();
  assert.deepEqual([sent, calls], [["a"], ["pause"]]);
  drained.resolve();
  await settle();
  assert.deepEqual(
    [sent, calls],
    [
      ["a", "b"],
      ["pause", "resume"],
    ],
  );
});

test("order holds where a turn takes its time; what it drops is not sent", async () => {
  const slow = Promise.withResolvers<SocketMessage>();
  const { pump, sent, calls } = play(({ data, isBinary }) => {
    if (data.toString() === "drop") return undefined;
    return data.toString() === "slow" ? slow.promise : { data, isBinary };
  });
  for (const one of ["slow", "drop", "b"]) pump.push(text(one));
  await settle();
  assert.deepEqual([sent, calls], [[], ["pause"]]);
  slow.resolve(text("turned"));
  await settle();
  assert.deepEqual(
    [sent, calls],
    [
      ["turned", "b"],
      ["pause", "resume"],
    ],
  );
});

test("the end comes behind all that was read, and once", async () => {
  const { pump, sent, waits } = play((message) => message);
  const drained = Promise.withResolvers<void>();
  waits.push(drained.promise);
  let ends = 0;
  for (const one of ["a", "b"]) pump.push(text(one));
  pump.finish(() => (ends += 1));
  pump.finish(() => (ends += 10));
  pump.push(text("late"));
  await settle();
  assert.equal(ends, 0);
  drained.resolve();
  await settle();
  assert.deepEqual([ends, sent], [1, ["a", "b"]]);
});

test("a fault stops it and is told; whoever stops it hears nothing more", async () => {
  const failing = play(() => {
    throw new Error("odd");
  });
  failing.pump.push(text("a"));
  failing.pump.push(text("b"));
  await settle();
  assert.equal(failing.faults.length, 1);
  const slow = Promise.withResolvers<SocketMessage>();
  const stopped = play(() => slow.promise);
  stopped.pump.push(text("a"));
  stopped.pump.stop();
  slow.resolve(text("a"));
  await settle();
  assert.deepEqual([stopped.sent, stopped.faults], [[], []]);
});
