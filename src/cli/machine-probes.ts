/** The probes of `doctor` that need no other room: port, disk, memory. main.ts adds database and Redis. */
import { mkdir, rm, statfs, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";
import { makeId } from "../core/ids.ts";
import { messageOf } from "../core/errors.ts";
import { isObject, type JsonObject } from "../core/json-value.ts";
import type { DiskFacts, MemoryFacts, PortFacts } from "./doctor-probes.ts";

/** Tries to listen; where it cannot, asks who does. */
export async function probePort(host: string, port: number): Promise<PortFacts> {
  const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    const server = createServer();
    server.once("error", resolve);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
  if (error === undefined) return { host, port, state: "free" };
  if (error.code !== "EADDRINUSE") return { host, port, state: "refused", detail: error.message };
  const version = await findNodeVersion(host, port);
  if (version === undefined) return { host, port, state: "taken" };
  return { host, port, state: "ours", detail: version };
}

/** Empty where a Switchyard answers that is not ready to tell; undefined: something else, or nothing, answers. */
async function findNodeVersion(host: string, port: number): Promise<string | undefined> {
  const asked = /^(0\.0\.0\.0|::)$/.test(host) ? "127.0.0.1" : host;
  const base = `http://${asked.includes(":") ? `[${asked}]` : asked}:${port}`;
  // One Hub and its kin have /api/status too, but no /livez.
  const alive = await getJson(`${base}/livez`);
  if (alive?.["status"] !== "alive") return undefined;
  const data = (await getJson(`${base}/api/status`))?.["data"];
  return data !== undefined && isObject(data) ? String(data["version"]) : "";
}

async function getJson(url: string): Promise<JsonObject | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    const body: unknown = await response.json();
    return isObject(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

/** File systems that are gone with the container or the boot: overlayfs, aufs, tmpfs, ramfs. */
const ephemeralTypes: readonly number[] = [0x794c7630, 0x61756673, 0x01021994, 0x858458f6];

/** Writes and removes a file in the data folder, and looks at what lies under it. */
export async function probeDisk(folder: string, holdsDatabase: boolean): Promise<DiskFacts> {
  const probe = join(folder, `.doctor-${makeId(6)}`);
  let notWritable: string | undefined;
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(probe, "doctor");
    await rm(probe);
  } catch (error) {
    notWritable = messageOf(error);
  }
  const system = await findFileSystem(folder);
  const facts: DiskFacts = {
    folder,
    freeBytes: Number(system.bavail) * Number(system.bsize),
    ephemeral: ephemeralTypes.includes(Number(system.type)),
    holdsDatabase,
  };
  return notWritable === undefined ? facts : { ...facts, notWritable };
}

/** Of the folder, or of the nearest parent that exists. */
async function findFileSystem(folder: string): ReturnType<typeof statfs> {
  try {
    return await statfs(folder);
  } catch (error) {
    const parent = dirname(folder);
    if (parent === folder) throw error;
    return await findFileSystem(parent);
  }
}

/** The container's limit where there is one, else all of the machine. */
export function probeMemory(heldBytes: number): MemoryFacts {
  const limit = process.constrainedMemory();
  const total = totalmem();
  return { limitBytes: limit > 0 && limit < total ? limit : total, heldBytes };
}
