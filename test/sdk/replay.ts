/** An upstream that answers every request with the one recording it was last given. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Recording } from "../fakes/recordings.ts";

export interface Replay {
  /** `http://127.0.0.1:port` */
  readonly origin: string;
  play(recording: Recording): void;
  close(): Promise<void>;
}

const nothing = { status: 500, headers: {}, body: Buffer.from("nothing to play") };

export async function openReplay(): Promise<Replay> {
  let current: Recording | undefined;
  const server = createServer((request, response) => {
    request.resume();
    request.once("end", () => {
      const { status, headers, body } = current?.response ?? nothing;
      response.writeHead(status, headers);
      response.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    play: (recording) => (current = recording),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
