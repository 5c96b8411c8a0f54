/**
 * A process that writes and writes: four writers at once over one real node, with random pauses while the head is
 * locked, random rollbacks, and no warning before it is killed. Prints `ready`, then a line for each commit it was told of.
 */
import { makeFolder, openNode, testAuthor } from "./open-node.ts";
import type { SqlEngine } from "../engines/engines.ts";

const [engine = "sqlite", dsn = "", name = "", first = "0", second = "0"] = process.argv.slice(2);
const ids = [Number(first), Number(second)] as const;
const folder = await makeFolder();
const { sync } = await openNode(engine as SqlEngine, dsn, { dataDir: folder.path });
setInterval(() => undefined, 1000);
await sync.whenServing(30_000);
process.stdout.write("ready\n");

const pause = (): Promise<void> => new Promise((wake) => setTimeout(wake, Math.random() * 6));

/** Moves weight between two channels and notes it: the sum stays, and there is one note for each commit. */
async function move(note: string): Promise<void> {
  const [from, to] = Math.random() < 0.5 ? ids : ([ids[1], ids[0]] as const);
  const written = await sync.write(testAuthor, async (tx) => {
    const [a, b] = [tx.base.channels.get(from), tx.base.channels.get(to)];
    if (a === undefined || b === undefined || a.weight <= 1) return false;
    await tx.update("channel", from, { weight: a.weight - 1 });
    if (Math.random() < 0.3) await pause();
    if (Math.random() < 0.1) throw new Error("rolled back on purpose");
    await tx.update("channel", to, { weight: b.weight + 1 });
    await tx.insert("model", {
      model: note,
      owner: name,
      context: null,
      modalities: null,
      description: null,
      created_at: 0n,
      updated_at: 0n,
    });
    return true;
  });
  if (written.value) process.stdout.write(`${written.revision} ${note}\n`);
}

async function write(writer: number): Promise<void> {
  for (let count = 0; ; count += 1) await move(`${name}-${writer}-${count}`).catch(() => undefined);
}

process.stdin.resume().on("end", () => process.exit(0));
await Promise.all([write(0), write(1), write(2), write(3)]);
