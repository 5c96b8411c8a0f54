/**
 * Recorded bodies of vendors' streams, one payload a line in the files beside the checkout (`../shared/fixtures/vendor`),
 * wrapped as server-sent events here. `loadVendorStreams(folder)` answers undefined where there are none.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface VendorStream {
  readonly id: string;
  readonly body: Buffer;
}

/** Hand-made files hold payloads that no vendor would send: such lines are left out. */
function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

/** Files of conversations hold several streams: each begins with its own `response.created`. */
function splitStreams(lines: readonly string[]): string[][] {
  const streams: string[][] = [];
  for (const line of lines) {
    const begins = line.includes('"type":"response.created"');
    if (begins || streams.length === 0) streams.push([]);
    streams.at(-1)?.push(line);
  }
  return streams;
}

/** Streams of a folder (`openai/responses`) whose payloads are told apart by their own `type`. */
export function loadVendorStreams(folder: string): VendorStream[] | undefined {
  const root = fileURLToPath(new URL(`../../../shared/fixtures/vendor/${folder}`, import.meta.url));
  if (!existsSync(root)) return undefined;
  return readdirSync(root)
    .filter((name) => name.endsWith(".chunks.txt"))
    .toSorted()
    .flatMap((name) => {
      const lines = readFileSync(`${root}/${name}`, "utf8").split("\n").filter(isJson);
      return splitStreams(lines).map((stream, index) => ({
        id: `${name}#${index}`,
        body: Buffer.from(stream.map((line) => `data: ${line}\n\n`).join("")),
      }));
    });
}
