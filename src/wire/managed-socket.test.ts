import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { type VirtualClock, makeVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { ManagedSocket, type RawSocket } from "./managed-socket.ts";
import type { SocketListener } from "./socket.ts";

/** A library's socket whose bytes are sent when the test says so. */
class PlayedSocket extends EventEmitter implements RawSocket {
  bufferedAmount = 0;
  pings = 0;
  paused = false;
  closed: { readonly code: number | undefined; readonly reason: string | undefined } | undefined;
  terminated = false;
  readonly #unsent: { readonly bytes: number; readonly sent: () => void }[] = [];

  send(data: Buffer, _options: unknown, sent: () => void): void {
    this.bufferedAmount += data.length;
    this.#unsent.push({ bytes: data.length, sent });
  }

  /** Lets the oldest message out. */
  release(): void {
    const one = this.#unsent.shift();
    if (one === undefined) return;
    this.bufferedAmount -= one.bytes;
    one.sent();
  }

  ping(): void {
    this.pings += 1;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  close(code?: number, reason?: string): void {
    this.closed ??= { code, reason };
  }

  terminate(): void {
    this.terminated = true;
    this.emit("close", 1006, Buffer.alloc(0));
  }
}

interface Played {
  readonly raw: PlayedSocket;
  readonly clock: VirtualClock;
  readonly socket: ManagedSocket;
  readonly heard: string[];
}

function play(): Played {
  const raw = new PlayedSocket();
  const clock = makeVirtualClock();
  const socket = new ManagedSocket(raw, clock);
  const heard: string[] = [];
  return { raw, clock, socket, heard };
}

function listenerOf(heard: string[]): SocketListener {
  return {
    onMessage: ({ data }) => void heard.push(data.toString()),
    onClose: (code, reason) => void heard.push(`${code} ${reason}`),
  };
}

const megabyte = { data: Buffer.alloc(1024 * 1024), isBinary: true };
const byte = { data: Buffer.from("x"), isBinary: true };

test("what comes before anybody listens is kept, the end too", () => {
  const { raw, socket, heard } = play();
  assert.equal(raw.paused, true);
  raw.emit("message", Buffer.from("early"), false);
  raw.emit("close", 1000, Buffer.from("bye"));
  socket.listen(listenerOf(heard));
  assert.deepEqual(heard, ["early", "1000 bye"]);
});

test("senders wait while more than a megabyte is unsent", async () => {
  const { raw, socket } = play();
  assert.equal(socket.send(megabyte), undefined);
  let woken = 0;
  const waits = [socket.send(byte), socket.send(byte)];
  for (const wait of waits) void wait?.then(() => (woken += 1));
  assert.ok(waits.every((wait) => wait instanceof Promise));
  raw.release();
  await Promise.all(waits);
  assert.equal(woken, 2);
});

test("a reader that stands still for a minute is cut off; one that is only slow is not", async () => {
  const { raw, clock, socket, heard } = play();
  socket.listen(listenerOf(heard));
  for (let count = 0; count < 4; count += 1) void socket.send(megabyte);
  for (let minute = 0; minute < 2; minute += 1) {
    await clock.pass(50_000);
    raw.release();
  }
  assert.deepEqual(heard, []);
  await clock.pass(60_000);
  assert.deepEqual(heard, ["1013 the messages were read too slowly"]);
  assert.equal(raw.closed?.code, 1013);
  await clock.pass(1000);
  assert.equal(raw.terminated, true);
  assert.equal(heard.length, 1, "the end is told once");
  assert.equal(socket.send(byte), undefined);
});

test("what is unsent of senders that do not wait is bounded", () => {
  const { raw, socket, heard } = play();
  socket.listen(listenerOf(heard));
  for (let count = 0; count < 70; count += 1) void socket.send(megabyte);
  assert.deepEqual(heard, ["1013 the messages were read too slowly"]);
  assert.ok(raw.bufferedAmount <= 66 * 1024 * 1024);
});

test("whoever answers no ping is gone; whoever is not read is not judged", async () => {
  const { raw, clock, socket, heard } = play();
  socket.listen(listenerOf(heard));
  for (let round = 0; round < 5; round += 1) {
    await clock.pass(30_000);
    raw.emit("pong");
  }
  assert.equal(raw.pings, 5);
  socket.pause();
  await clock.pass(300_000);
  assert.deepEqual([raw.pings, raw.terminated], [5, false]);
  socket.resume();
  await clock.pass(90_000);
  assert.equal(raw.terminated, true);
  assert.deepEqual(heard, ["1006 "]);
});

test("codes that no frame can carry become what comes nearest, and reasons fit", () => {
  const codes = [1005, 1006, 1015, 2999, 1000, 3000, 4999, 1014];
  const sent = codes.map((code) => {
    const { raw, socket } = play();
    socket.close(code, "ü".repeat(100));
    assert.ok(Buffer.byteLength(raw.closed?.reason ?? "") <= 123);
    return raw.closed?.code;
  });
  assert.deepEqual(sent, [undefined, 1011, 1011, 1011, 1000, 3000, 4999, 1014]);
});

test("nothing is sent behind the close, and who waits is woken by it", async () => {
  const { raw, socket } = play();
  void socket.send(megabyte);
  const waiting = socket.send(byte);
  socket.close(1000, "");
  await waiting;
  socket.send(byte);
  assert.equal(raw.bufferedAmount, 1024 * 1024 + 1);
});
