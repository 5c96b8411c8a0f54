/** The yardstick: node:http in, undici out, no work between. Prints its port; ends with its parent. */
import { createServer } from "node:http";
import { pipeline } from "node:stream";
import { Pool } from "undici";

const upstream = new Pool(process.argv[2] ?? "", { connections: 256, pipelining: 1 });

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on("data", (chunk: Buffer) => parts.push(chunk));
  request.on("end", () => {
    upstream
      .request({
        method: "POST",
        path: request.url ?? "/",
        headers: { "content-type": "application/json" },
        body: Buffer.concat(parts),
      })
      .then((reply) => {
        response.writeHead(reply.statusCode, {
          "content-type": String(reply.headers["content-type"]),
        });
        pipeline(reply.body, response, () => undefined);
      })
      .catch(() => response.destroy());
  });
});

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(
    `${JSON.stringify({ port: typeof address === "object" ? address?.port : null })}\n`,
  );
});
process.stdin.on("end", () => process.exit(0)).resume();
