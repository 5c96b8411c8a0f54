/**
 * Replies of vendors' packages as recordings: whole ones as they are, streams in the framing of their API. They lie beside
 * the checkout (`../shared/fixtures/vendor`); where they do not, there are none.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import type { Recording } from "./recordings.ts";
import { awsFrame } from "./scripted/aws-frame.ts";
import type { ScriptedApi } from "./scripted/turn.ts";
import { asObject } from "./scripted/turn.ts";

export type RecordedApi = Exclude<ScriptedApi, "ollama" | "coze" | "replicate">;

/** What a whole reply of each API has. */
const marks: Readonly<Record<RecordedApi, (body: Readonly<Record<string, unknown>>) => boolean>> = {
  chat: (body) => "choices" in body,
  responses: ({ object, output }) => object === "response" && Array.isArray(output),
  messages: ({ type, role }) => type === "message" && role === "assistant",
  gemini: (body) => "candidates" in body || "promptFeedback" in body,
  converse: (body) => "output" in body && "stopReason" in body,
  cohere: (body) => "message" in body && "finish_reason" in body,
};

const named = (line: string): string =>
  `event: ${String(asObject(JSON.parse(line))["type"])}\ndata: ${line}\n\n`;

function framed(line: string): Buffer[] {
  return Object.entries(asObject(JSON.parse(line))).map(([type, payload]) =>
    Buffer.from(awsFrame(type, JSON.stringify(payload))),
  );
}

/** A stream's payloads in the framing of their API. */
const framings: Readonly<Record<RecordedApi, (lines: readonly string[]) => Buffer>> = {
  chat: (lines) =>
    Buffer.from(`${lines.map((line) => `data: ${line}\n\n`).join("")}data: [DONE]\n\n`),
  responses: (lines) => Buffer.from(lines.map(named).join("")),
  messages: (lines) => Buffer.from(lines.map(named).join("")),
  cohere: (lines) => Buffer.from(lines.map(named).join("")),
  gemini: (lines) => Buffer.from(lines.map((line) => `data: ${line}\r\n\r\n`).join("")),
  converse: (lines) => Buffer.concat(lines.flatMap(framed)),
};

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

/** Files of whole conversations hold several streams: each begins with its own `response.created`. */
function streamsIn(text: string): string[][] {
  const streams: string[][] = [];
  for (const line of text.split("\n").filter(isJson)) {
    const begins = line.includes('"type":"response.created"');
    if (begins || streams.length === 0) streams.push([]);
    streams.at(-1)?.push(line);
  }
  return streams;
}

const reply = (id: string, type: string, body: Buffer): Recording => ({
  id,
  request: { path: "/", body: Buffer.alloc(0) },
  response: { status: 200, headers: { "content-type": type }, body },
});

/** All of a folder (`openai/responses`), not of folders below it; undefined where the checkout has none. */
export function loadVendorExchanges(folder: string, api: RecordedApi): Recording[] | undefined {
  const root = fileURLToPath(
    new URL(`../../../shared/fixtures/vendor/${folder}/`, import.meta.url),
  );
  if (!existsSync(root)) return undefined;
  const read = (name: string): string => readFileSync(root + name, "utf8");
  const whole = globSync("*.json", { cwd: root })
    .toSorted()
    .filter((name) => isJson(read(name)) && marks[api](asObject(JSON.parse(read(name)))))
    .map((name) => reply(`${folder}/${name}`, "application/json", Buffer.from(read(name))));
  const type = api === "converse" ? "application/vnd.amazon.eventstream" : "text/event-stream";
  const streams = globSync("*.chunks.txt", { cwd: root })
    .toSorted()
    .flatMap((name) =>
      streamsIn(read(name)).map((lines, index) =>
        reply(`${folder}/${basename(name)}#${index}`, type, framings[api](lines)),
      ),
    );
  return [...whole, ...streams];
}
