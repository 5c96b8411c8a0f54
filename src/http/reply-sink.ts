/** A reply as the steps of a call write it, over Node's own response: back-pressure is told, nothing is buffered twice. */
import type { ServerResponse } from "node:http";
import type { ReplySink } from "../wire/call.ts";
import { writeHead } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";

/** Headers that the server puts on a reply by itself, asked when its head is written. */
export type OwnHeaders = () => Readonly<Record<string, string>>;

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
    else response.end(chunk);
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
