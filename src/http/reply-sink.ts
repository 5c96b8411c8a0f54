/** A reply as the steps of a call write it, over Node's own response: back-pressure is told, nothing is buffered twice. */
import type { ServerResponse } from "node:http";
import type { ReplySink } from "../wire/call.ts";
import { writeHead } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";

/** Headers that the server puts on a reply by itself, asked when its head is written. */
export type OwnHeaders = () => Readonly<Record<string, string>>;

/** Up to this length a last piece is cheaper copied than listed. */
const joinedBytes = 16 * 1024;

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** The sink of one reply. After the caller is gone, writes do nothing and wait for nothing. */
export class ResponseSink implements ReplySink {
  readonly #exchange: Pick<Exchange, "response" | "shared">;
  readonly #ownHeaders: OwnHeaders;

  constructor(exchange: Pick<Exchange, "response" | "shared">, ownHeaders: OwnHeaders) {
    this.#exchange = exchange;
    this.#ownHeaders = ownHeaders;
  }

  head(status: number, headers: Readonly<Record<string, string | readonly string[]>>): void {
    const written = headers as Readonly<Record<string, string | string[]>>;
    writeHead(this.#exchange, status, { ...written, ...this.#ownHeaders() });
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    const { response } = this.#exchange;
    if (response.destroyed || response.write(chunk)) return undefined;
    return drained(response);
  }

  end(chunk?: Uint8Array): void {
    const { response } = this.#exchange;
    if (response.destroyed) return;
    if (chunk === undefined) response.end();
    else if (chunk.length > joinedBytes) response.end(chunk);
    // As text of the same bytes it is written together with the head: one buffer in place of a list of two.
    else response.end(textOf(chunk), "latin1");
  }

  destroy(): void {
    this.#exchange.response.destroy();
  }

  get headSent(): boolean {
    return this.#exchange.response.headersSent;
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done).on("close", done);
  });
}
