/** Faults of caches of keys: a revoked key that comes back, an error that is taken for an unknown key. */
import type { Killer, Mutant } from "./planted-tree.ts";

const cache = (test: string): Killer => ({ file: "src/sync/caller-cache.test.ts", test });

export const callerFaults: readonly Mutant[] = [
  {
    name: "litellm: a look-up puts back what was revoked meanwhile",
    edits: [
      {
        file: "src/sync/caller-lookups.ts",
        find: "      if (fence.overtaken(mark, revision, names)) return undefined;\n",
        replace: "      fence.overtaken(mark, revision, names);\n",
      },
    ],
    killers: [cache("whatever the order, an answer is never older than what the node has applied")],
  },
  {
    name: "the fence knows keys and forgets their owners",
    edits: [
      {
        file: "src/sync/caller-fence.ts",
        find: "      for (const id of changes.userIds) note(`user:${id}`, revision);\n",
        replace: "",
      },
    ],
    killers: [
      {
        file: "src/sync/caller-fence.test.ts",
        test: "an answer from before its owner was disabled is never kept",
      },
    ],
  },
  {
    name: "litellm: callers are not told of a revocation",
    edits: [
      {
        file: "src/sync/follow.ts",
        find: "    this.#parts.callers.apply(callers);\n",
        replace: "",
      },
    ],
    killers: [
      {
        file: "test/simulation/hand-edits.test.ts",
        test: "a key and a user disabled by hand are refused after the next reconciliation",
      },
      {
        file: "test/simulation/faults.test.ts",
        test: "nodes agree with the database through faults, kills and lost bells",
      },
    ],
  },
  {
    name: "a deleted key stays until it is forgotten by age",
    edits: [
      {
        file: "src/sync/caller-cache.ts",
        find: "    const rows = found.get(hash);\n    const entry",
        replace:
          "    const rows = found.get(hash);\n    if (rows === undefined) continue;\n    const entry",
      },
    ],
    killers: [
      cache("after the swap the new truth is served although the database died right then"),
      cache("a deleted key is known as deleted on a node that never served it"),
    ],
  },
  {
    name: "one-hub: a database that does not answer makes a key unknown",
    edits: [
      {
        file: "src/sync/caller-lookups.ts",
        find: "        outage.failed(error);\n        return unavailable;",
        replace: "        outage.failed(error);\n        return unknown;",
      },
    ],
    killers: [
      cache("after the swap the new truth is served although the database died right then"),
      cache("with the cache off every call asks, and a failure is unavailable"),
    ],
  },
];
