/** Faults of last-known-good copies: torn, lost with the power, empty, or older than a revocation. */
import type { Killer, Mutant } from "./planted-tree.ts";

const disk = (test: string): Killer => ({ file: "src/sync/disk-copy.test.ts", test });
const copies = (test: string): Killer => ({ file: "src/sync/copies.test.ts", test });

const anyStep =
  "a machine that stops at any step of any save starts from the last save or the one under way";

export const copyFaults: readonly Mutant[] = [
  {
    name: "a copy is written from another copy, or from nothing",
    edits: [
      {
        file: "src/sync/copy-keeper.ts",
        find: '  if (parts.follower.status().source !== "database") return undefined;\n',
        replace: "",
      },
      {
        file: "src/sync/copy-keeper.ts",
        find: '    if (event.source === "database") changed(',
        replace: "    if (event.source !== undefined) changed(",
      },
    ],
    killers: [
      copies(
        "a new node with an empty disk starts from the shared copy; the newest of all copies wins",
      ),
    ],
  },
  {
    name: "a copy is written in place of the only one",
    edits: [
      {
        file: "src/sync/disk-copy.ts",
        find: "      const older = a.serial <= b.serial ? a : b;",
        replace: "      const older = a;",
      },
      {
        file: "src/sync/disk-copy.ts",
        find: `      await disk.write(\`\${older.path}.tmp\`, bytes);
      await disk.rename(\`\${older.path}.tmp\`, older.path);
`,
        replace: "      await disk.write(older.path, bytes);\n",
      },
    ],
    killers: [disk(anyStep)],
  },
  {
    name: "the newer of two copies is the one written over, in place",
    edits: [
      {
        file: "src/sync/disk-copy.ts",
        find: "      const older = a.serial <= b.serial ? a : b;",
        replace: "      const older = a.serial <= b.serial ? b : a;",
      },
      {
        file: "src/sync/disk-copy.ts",
        find: `      await disk.write(\`\${older.path}.tmp\`, bytes);
      await disk.rename(\`\${older.path}.tmp\`, older.path);
`,
        replace: "      await disk.write(older.path, bytes);\n",
      },
    ],
    killers: [disk(anyStep)],
  },
  {
    name: "names are not forced to the disk",
    edits: [
      {
        file: "src/sync/disk-copy.ts",
        find: "      await disk.syncFolder(folder);\n",
        replace: "",
      },
    ],
    killers: [disk(anyStep)],
  },
  {
    name: "bytes are not forced to the disk",
    edits: [{ file: "src/sync/disk.ts", find: "      await file.sync();\n", replace: "" }],
    killers: [
      {
        file: "src/sync/disk.test.ts",
        test: "a file is forced to the disk before anybody is told that it is written, a folder's names too",
      },
    ],
  },
  {
    name: "a damaged copy keeps the whole one from serving",
    edits: [
      {
        file: "src/sync/disk-copy.ts",
        find: "          if (copy !== undefined) return copy;\n",
        replace: "          return copy;\n",
      },
    ],
    killers: [
      disk(
        "every flipped bit is noticed, the other generation serves, the damaged one is put aside",
      ),
    ],
  },
  {
    name: "a revocation waits for the next ordinary copy",
    edits: [
      {
        file: "src/sync/join-follower.ts",
        find: "      if (concerns) changed();\n",
        replace: "      if (concerns && changed.length > 9) changed();\n",
      },
    ],
    killers: [
      copies("a deleted key and a deleted channel stay deleted after a crash a second later"),
    ],
  },
  {
    name: "a deleted channel waits for the next ordinary copy",
    edits: [
      {
        file: "src/sync/forgetting.ts",
        find: "  if (previous === undefined) return false;\n",
        replace: "  if (previous !== next) return false;\n",
      },
    ],
    killers: [
      copies("a deleted key and a deleted channel stay deleted after a crash a second later"),
    ],
  },
  {
    name: "a restarted node serves its copy although the database answers",
    edits: [
      {
        file: "src/sync/copy-keeper.ts",
        find: '    return source === "database" || lastError !== null || clock.monotonic() >= until;',
        replace:
          "    return source !== undefined || lastError !== null || clock.monotonic() >= until;",
      },
    ],
    killers: [
      copies(
        "with its database there a restarted node never serves its copy, and knows its callers all the same",
      ),
    ],
  },
];
