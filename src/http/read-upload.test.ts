/** Uploads over real sockets: read only when wanted, bounded in size and pace, and never left hanging. */
import assert from "node:assert/strict";
import {
  type ClientRequest,
  type IncomingMessage,
  type ServerResponse,
  createServer,
  request as httpRequest,
} from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { systemClock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { makeHeldBytes } from "./read-body.ts";
import { type OpenUpload, type UploadLimits, isUpload, openUpload } from "./read-upload.ts";

interface Opened {
  readonly upload: OpenUpload;
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly request: ClientRequest;
  /** Status of the reply, or the code of the error. */
  readonly answer: Promise<number | string | undefined>;
}

async function open(
  t: TestContext,
  more: {
    readonly headers?: Record<string, string | number>;
    readonly limits?: Partial<UploadLimits>;
  } = {},
): Promise<Opened> {
  const { promise, resolve } = Promise.withResolvers<[IncomingMessage, ServerResponse]>();
  const server = createServer((message, response) => resolve([message, response]));
  await new Promise<void>((listening) => void server.listen(0, "127.0.0.1", listening));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const request = httpRequest({
    port: (server.address() as AddressInfo).port,
    host: "127.0.0.1",
    method: "POST",
    headers: { "content-type": "multipart/form-data; boundary=b", ...more.headers },
  });
  const answer = new Promise<number | string | undefined>((told) => {
    request.on("response", (response) => told(response.resume().statusCode));
    request.on("error", (error: NodeJS.ErrnoException) => told(error.code));
  });
  request.flushHeaders();
  const [message, response] = await promise;
  const limits = { maxBytes: 1_000_000, idleMs: 10_000, totalMs: 10_000, ...more.limits };
  const upload = openUpload(message, { clock: systemClock, limits, held: makeHeldBytes(100) });
  t.after(() => upload.close());
  return { upload, message, response, request, answer };
}

async function kindOf(act: Promise<unknown>): Promise<string> {
  return await act.then(
    () => "fine",
    (error: unknown) => (error instanceof GatewayError ? error.kind : String(error)),
  );
}

test("pieces come in order, when they are wanted, up to the end", async (t) => {
  const { upload, request, message } = await open(t);
  request.write("abc");
  assert.equal((await upload.next())?.toString(), "abc");
  request.end("def");
  assert.equal(message.isPaused(), true);
  assert.equal((await upload.next())?.toString(), "def");
  assert.equal(await upload.next(), undefined);
  assert.equal(await upload.next(), undefined);
  assert.equal(upload.length, null);
});

test("nobody is read faster than its reader", async (t) => {
  const { upload, request, message } = await open(t, { limits: { maxBytes: 100_000_000 } });
  request.write(Buffer.alloc(64_000_000));
  await upload.next();
  // The socket's own buffers are full long before the upload is: the rest waits at the sender.
  assert.ok(message.readableLength < 200_000);
  assert.equal(request.writableNeedDrain, true);
});

test("too large is refused by its head, or where its length is not told as soon as it is", async (t) => {
  const limits = { maxBytes: 10 };
  await assert.rejects(open(t, { limits, headers: { "content-length": 11 } }), /larger than 10/);
  const { upload, request } = await open(t, { limits });
  request.write("0123456789");
  assert.equal((await upload.next())?.length, 10);
  request.write("x");
  assert.equal(await kindOf(upload.next()), "request_too_large");
  assert.equal(await kindOf(upload.next()), "request_too_large");
});

test("who stops sending is not waited for, and who goes is noticed", async (t) => {
  const slow = await open(t, { limits: { idleMs: 20 } });
  slow.request.write("abc");
  await slow.upload.next();
  assert.equal(await kindOf(slow.upload.next()), "request_timeout");
  const late = await open(t, { limits: { totalMs: 20 } });
  assert.equal(await kindOf(late.upload.next()), "request_timeout");
  const gone = await open(t);
  const waiting = kindOf(gone.upload.next());
  gone.request.destroy();
  assert.equal(await waiting, "caller_gone");
});

test("what is held is bounded, and given back at the end", async (t) => {
  const { upload } = await open(t);
  assert.deepEqual([upload.hold(60), upload.hold(60), upload.hold(40)], [true, false, true]);
  upload.release(40);
  assert.equal(upload.hold(40), true);
  upload.close();
  assert.equal(upload.hold(100), true);
});

test("who still sends when nobody wants it any more hears the answer", async (t) => {
  const { upload, response, request, answer } = await open(t);
  request.write(Buffer.alloc(900_000));
  await upload.next();
  response.writeHead(400).end("no");
  upload.close();
  request.write(Buffer.alloc(900_000));
  request.end();
  assert.equal(await answer, 400);
});

test("a waiting reader is woken by the close", async (t) => {
  const { upload } = await open(t);
  const waiting = kindOf(upload.next());
  upload.close();
  assert.equal(await waiting, "caller_gone");
});

test("only forms of operations with files are uploads", () => {
  const message = (type: string): IncomingMessage =>
    ({ headers: { "content-type": type } }) as IncomingMessage;
  assert.equal(isUpload(message("multipart/form-data; boundary=b"), "transcription"), true);
  assert.equal(isUpload(message("Multipart/Form-Data; boundary=b"), "image-edit"), true);
  assert.equal(isUpload(message("application/json"), "image-edit"), false);
  assert.equal(isUpload(message("multipart/form-data; boundary=b"), "chat"), false);
});
