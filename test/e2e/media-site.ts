/** A web site on loopback that callers' URLs lead to: a few small files, or whatever a test lets it answer. */
import { type RequestListener, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { tinyPng } from "../fakes/conversations.ts";

export const png = Buffer.from(tinyPng, "base64");
export const pdf = Buffer.from("%PDF-1.7\n%%EOF\n");
export const wav = Buffer.from("RIFF\x24\0\0\0WAVEfmt ", "latin1");
export const notes = 'A "quoted" line\nof Grüße 🙂\n';

export interface Site {
  readonly origin: string;
  readonly port: number;
  /** Paths in the order in which they were asked for. */
  readonly asked: readonly string[];
  /** Answers all that comes from now on. */
  serve(listener: RequestListener): void;
}

const files: Readonly<Record<string, readonly [string, Buffer]>> = {
  "/a.png": ["image/png", png],
  "/bare": ["application/octet-stream", png],
  "/a.pdf": ["application/pdf", pdf],
  "/a.wav": ["audio/x-wav", wav],
  "/notes.md": ["text/markdown; charset=utf-8", Buffer.from(notes)],
  "/lie.png": ["image/png", pdf],
  "/page.png": ["text/html", Buffer.from("<html>not found</html>")],
};

const serveFiles: RequestListener = (request, response) => {
  const file = files[(request.url ?? "").split("?", 1)[0] ?? ""];
  if (file === undefined) return void response.writeHead(404).end("gone");
  response.writeHead(200, { "content-type": file[0] }).end(file[1]);
};

/** Opens the site for a test. */
export async function openSite(t: TestContext): Promise<Site> {
  const asked: string[] = [];
  let current = serveFiles;
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    current(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return { origin, port, asked, serve: (listener) => void (current = listener) };
}
