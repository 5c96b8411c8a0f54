/** Uploads on their way through: spliced at any cut, sent again while all is held, never held beyond the bound. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fastCheck from "fast-check";
import { splice } from "../../core/json.ts";
import type { Upload } from "../../wire/call.ts";
import { UploadPieces, maxUploadHeldBytes } from "./upload-pieces.ts";

interface Source extends Upload {
  readonly held: number;
  readonly given: number;
}

function sourceOf(pieces: readonly Buffer[], budget = Number.POSITIVE_INFINITY): Source {
  let next = 0;
  let held = 0;
  return {
    length: null,
    next: () => Promise.resolve(pieces[next++]),
    hold: (bytes) => {
      if (held + bytes > budget) return false;
      held += bytes;
      return true;
    },
    release: (bytes) => void (held -= bytes),
    get held() {
      return held;
    },
    get given() {
      return next;
    },
  };
}

const quiet = { onPiece: () => undefined, onEnd: () => undefined };

async function listOf(pieces: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const list: Buffer[] = [];
  for await (const piece of pieces) list.push(piece);
  return list;
}

async function readAll(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  return Buffer.concat(await listOf(pieces));
}

test("what is sent is the upload with its splices made, however it was cut", async () => {
  const body = Buffer.from("0123456789abcdefghij");
  const edits = [
    { start: 0, end: 0, bytes: Buffer.from("<front>") },
    { start: 4, end: 9, bytes: Buffer.from("X") },
    { start: 12, end: 14, bytes: Buffer.from("longer than before") },
  ];
  const wanted = splice(body, edits).toString();
  await fastCheck.assert(
    fastCheck.asyncProperty(
      fastCheck.array(fastCheck.integer({ min: 1, max: 6 })),
      async (cuts) => {
        const pieces: Buffer[] = [];
        let offset = 0;
        for (const cut of [...cuts, body.length]) {
          if (offset < body.length) pieces.push(body.subarray(offset, offset + cut));
          offset += cut;
        }
        const upload = new UploadPieces(sourceOf(pieces), quiet);
        const sent = await listOf(upload.read(edits));
        assert.ok(sent.every((piece) => piece.length > 0));
        assert.equal(Buffer.concat(sent).toString(), wanted);
        assert.equal((await readAll(upload.read(edits))).toString(), wanted);
      },
    ),
    { numRuns: 200 },
  );
});

test("beyond the bound every piece is let go once it was read, and cannot be read again", async () => {
  const piece = Buffer.alloc(1024 * 1024);
  const count = maxUploadHeldBytes / piece.length + 8;
  const source = sourceOf(Array.from({ length: count }, () => piece));
  const upload = new UploadPieces(source, quiet);
  let most = 0;
  let bytes = 0;
  for await (const one of upload.read([])) {
    bytes += one.length;
    most = Math.max(most, source.held);
  }
  assert.equal(bytes, count * piece.length);
  assert.ok(most <= maxUploadHeldBytes);
  assert.deepEqual([source.held, upload.replayable, upload.keeps], [0, false, false]);
  await assert.rejects(readAll(upload.read([])), /read twice/);
});

test("without room in the process an upload goes through all the same, held nowhere", async () => {
  const source = sourceOf([Buffer.from("ab"), Buffer.from("cd"), Buffer.from("ef")], 3);
  const upload = new UploadPieces(source, quiet);
  assert.equal((await readAll(upload.read([]))).toString(), "abcdef");
  assert.deepEqual([source.held, upload.replayable], [0, false]);
});

test("a reader of an earlier attempt stops as soon as another one began", async () => {
  const source = sourceOf([Buffer.from("ab"), Buffer.from("cd"), Buffer.from("ef")]);
  const upload = new UploadPieces(source, quiet);
  const first = upload.read([]);
  assert.equal((await first.next()).value?.toString(), "ab");
  const second = upload.read([]);
  assert.equal((await second.next()).value?.toString(), "ab");
  assert.equal((await first.next()).done, true);
  assert.equal((await readAll(second)).toString(), "cdef");
});

test("what its listener throws ends the upload, for every reader", async () => {
  const source = sourceOf([Buffer.from("ab"), Buffer.from("cd")]);
  let seen = 0;
  const upload = new UploadPieces(source, {
    onPiece: () => {
      seen += 1;
      if (seen === 2) throw new RangeError("twice");
    },
    onEnd: () => undefined,
  });
  await assert.rejects(readAll(upload.read([])), /twice/);
  await assert.rejects(readAll(upload.read([])), /twice/);
  assert.equal(source.given, 2);
});
