/** A reply as the steps of a call write it, over Node's own response: back-pressure is told, nothing is buffered twice. */
import type { ServerResponse } from "node:http";
import type { ReplySink } from "../wire/call.ts";

/** Headers that the server puts on a reply by itself, asked when its head is written. */
export type OwnHeaders = () => Readonly<Record<string, string>>;

/** Makes the sink of one reply. After the caller is gone, writes do nothing and wait for nothing. */
export function makeReplySink(response: ServerResponse, ownHeaders: OwnHeaders): ReplySink {
  return {
    head: (status, headers) => {
      const written: Record<string, string | string[]> = {};
      for (const [name, value] of Object.entries(headers))
        written[name] = typeof value === "string" ? value : [...value];
      response.writeHead(status, { ...written, ...ownHeaders() });
    },
    write: (chunk) => {
      if (response.destroyed || response.write(chunk)) return undefined;
      return drained(response);
    },
    end: (chunk) => {
      if (response.destroyed) return;
      if (chunk === undefined) response.end();
      else response.end(chunk);
    },
    destroy: () => void response.destroy(),
    get headSent() {
      return response.headersSent;
    },
  };
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
