/** A large upload goes through a node without being held: every byte arrives, the memory does not grow with them. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Server, createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type TestContext, test } from "node:test";
import { type Yard, openYard, testKey } from "./call-harness.ts";

const megabyte = 1024 * 1024;
const long = process.env["SWITCHYARD_LONG"] === "1";
const smallBytes = 64 * megabyte;
const largeBytes = (long ? 480 : 200) * megabyte;
/** More than this a larger upload may not take; the garbage of buffers comes and goes by as much. */
const slackBytes = 64 * megabyte;

const boundary = "b-0123456789";
const head = Buffer.from(
  `--${boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\nown-model\r\n` +
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n`,
);
const tail = Buffer.from(`\r\n--${boundary}--\r\n`);

function* upload(fileBytes: number): Generator<Buffer> {
  const piece = Buffer.alloc(256 * 1024, 0x2d);
  yield head;
  for (let sent = 0; sent < fileBytes; sent += piece.length) yield piece;
  yield tail;
}

function digest(pieces: Iterable<Buffer>): string {
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
}

/** A vendor that keeps nothing: it answers with the digest of what came, and how large the process was at most. */
async function openDrain(t: TestContext): Promise<string> {
  const vendor: Server = createServer((message, response) => {
    const hash = createHash("sha256");
    let peak = 0;
    message.on("data", (piece: Buffer) => {
      hash.update(piece);
      peak = Math.max(peak, process.memoryUsage.rss());
    });
    message.on("end", () => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ text: hash.digest("hex"), peak }));
    });
  });
  await new Promise<void>((resolve) => vendor.listen(0, "127.0.0.1", resolve));
  t.after(() => vendor.close());
  return `http://127.0.0.1:${(vendor.address() as AddressInfo).port}/v1`;
}

async function send(yard: Yard, fileBytes: number): Promise<{ text: string; peak: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const headers = {
    authorization: `Bearer ${testKey}`,
    "content-type": `multipart/form-data; boundary=${boundary}`,
    "content-length": head.length + fileBytes + tail.length,
  };
  const url = `${yard.url}/v1/audio/transcriptions`;
  const request = httpRequest(url, { method: "POST", headers }, (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
    response.on("end", () => resolve(text));
  });
  request.on("error", reject);
  await pipeline(Readable.from(upload(fileBytes), { objectMode: false }), request);
  return JSON.parse(await promise) as { text: string; peak: number };
}

test(
  "how much memory an upload takes does not depend on its size",
  { timeout: 240_000 },
  async (t) => {
    const baseUrl = await openDrain(t);
    const yard = await openYard(t, { channels: [{ baseUrl, models: ["own-model"] }] });
    const small = await send(yard, smallBytes);
    const large = await send(yard, largeBytes);
    assert.equal(large.text, digest(upload(largeBytes)));
    const grown = Math.round((large.peak - small.peak) / megabyte);
    t.diagnostic(
      `${largeBytes / megabyte} MB took ${grown} MB more than ${smallBytes / megabyte} MB (${Math.round(small.peak / megabyte)} MB in all)`,
    );
    assert.ok(large.peak - small.peak < slackBytes, `the process grew by ${grown} MB`);
    assert.equal((await yard.recorded(2)).outcome, "complete");
  },
);
