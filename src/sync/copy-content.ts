/**
 * What a copy holds: the cluster's secrets, the callers in use, and the edition. As lines of JSON, so that writing and
 * reading 10,000 channels never stops the event loop for longer than a slice.
 */
import type { CallerRows } from "../store/sync-store.ts";
import type { CallerExport } from "./caller-cache.ts";
import { parseEdition, renderEdition } from "./edition-text.ts";
import type { Edition } from "./edition.ts";
import type { Cells } from "./row-text.ts";
import { parseRow, renderRow } from "./row-text.ts";
import type { Slices } from "./time-slice.ts";

/** What only the database knows otherwise: needed to check keys and to open credentials. */
export interface ClusterSecrets {
  readonly clusterId: string;
  readonly pepper: Buffer;
  readonly dataKey: Buffer;
}

export interface CopyContent {
  readonly cluster: ClusterSecrets;
  readonly callers: CallerExport;
  readonly edition: Edition;
}

interface FirstLine {
  readonly clusterId: string;
  readonly pepper: string;
  readonly dataKey: string;
  readonly denied: readonly string[];
  /** Caller lines that follow; the edition's lines are the rest. */
  readonly callers: number;
}

const chunkLength = 64 * 1024;

export async function renderContent(content: CopyContent, slices: Slices): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let text = "";
  for (const line of linesOf(content)) {
    text += `${line}\n`;
    if (text.length >= chunkLength) {
      chunks.push(Buffer.from(text));
      text = "";
    }
    const pause = slices.breathe();
    if (pause !== undefined) await pause;
  }
  return Buffer.concat([...chunks, Buffer.from(text)]);
}

function* linesOf({ cluster, callers, edition }: CopyContent): Iterable<string> {
  const first: FirstLine = {
    clusterId: cluster.clusterId,
    pepper: cluster.pepper.toString("base64"),
    dataKey: cluster.dataKey.toString("base64"),
    denied: callers.denied,
    callers: callers.callers.length,
  };
  yield JSON.stringify(first);
  for (const { key, owner } of callers.callers)
    yield JSON.stringify([renderRow(key), renderRow(owner)]);
  yield* renderEdition(edition);
}

/** Throws on text that {@link renderContent} did not make. */
export async function parseContent(bytes: Buffer, slices: Slices): Promise<CopyContent> {
  const lines = readLines(bytes);
  const next = (): string => {
    const line = lines.next();
    if (line.done === true) throw new Error("it ends too early");
    return line.value;
  };
  const first = JSON.parse(next()) as FirstLine;
  const callers: CallerRows[] = [];
  while (callers.length < first.callers) {
    const [key, owner] = JSON.parse(next()) as [Cells, Cells];
    callers.push({ key: parseRow(key), owner: parseRow(owner) });
    const pause = slices.breathe();
    if (pause !== undefined) await pause;
  }
  const cluster: ClusterSecrets = {
    clusterId: first.clusterId,
    pepper: Buffer.from(first.pepper, "base64"),
    dataKey: Buffer.from(first.dataKey, "base64"),
  };
  const edition = await parseEdition(lines, { dataKey: cluster.dataKey, slices });
  return { cluster, callers: { callers, denied: first.denied }, edition };
}

function* readLines(bytes: Buffer): Generator<string, undefined> {
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(10, at);
    yield bytes.toString("utf8", at, end < 0 ? bytes.length : end);
    at = end < 0 ? bytes.length : end + 1;
  }
  return undefined;
}
