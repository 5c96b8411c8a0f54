import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { deriveKey } from "./seal.ts";
import { looksSealed, openId, sealId, type SealedResource } from "./sealed-id.ts";

const key = deriveKey("root secret of a test, long enough", "sealed ids");
const other = deriveKey("another root secret, long enough too", "sealed ids");
const file: SealedResource = {
  channelId: 3,
  credentialId: 14,
  ownerId: 7,
  kind: "file",
  upstreamId: "file-AbC123",
};

test("an id opens to what was sealed, always as the same id, with the vendor's prefix", () => {
  const id = sealId(key, file);
  assert.match(id, /^file-sy1x[\w-]+$/);
  assert.equal(id, sealId(key, file));
  assert.deepEqual(openId(key, id), file);
  assert.ok(!id.includes("AbC123"));
});

test("ids of two owners of one resource have nothing in common but the prefix", () => {
  const mine = sealId(key, file).slice("file-sy1x".length);
  const theirs = sealId(key, { ...file, ownerId: 8 }).slice("file-sy1x".length);
  assert.notEqual(mine.slice(0, 8), theirs.slice(0, 8));
});

test("any resource opens again, and a changed character or another key opens nothing", () => {
  const resource = fc.record({
    channelId: fc.nat(),
    credentialId: fc.nat(),
    ownerId: fc.nat(),
    kind: fc.constantFrom("file", "response", "batch"),
    upstreamId: fc.string({ maxLength: 120, unit: "binary" }).map((text) => `x_${text}`),
  });
  fc.assert(
    fc.property(resource, fc.nat(), (one, at) => {
      const id = sealId(key, one);
      assert.deepEqual(openId(key, id), { ...one });
      assert.equal(openId(other, id), undefined);
      const start = "x_sy1x".length;
      const position = start + (at % (id.length - start));
      const changed = id[position] === "A" ? "B" : "A";
      assert.equal(
        openId(key, id.slice(0, position) + changed + id.slice(position + 1)),
        undefined,
      );
    }),
    { numRuns: 300 },
  );
});

test("vendors' own ids are told from ours, and hostile ones open nothing", () => {
  for (const id of ["file-abc", "resp_0f", "", "sy1x", "file-sy1x", "resp_sy1x!!!!", "a/../b"])
    assert.equal(openId(key, id), undefined, id);
  assert.ok(!looksSealed("resp_67ccd2bed1ec8190b14f964abc054267"));
  assert.ok(looksSealed(sealId(key, file)));
});
