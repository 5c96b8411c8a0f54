// Tagged ids: short, told to one owner, good for nobody else.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deriveKey } from "./seal.ts";
import { looksSealed, looksTagged, openTagged, tagId } from "./sealed-id.ts";

const key = deriveKey("a root secret for tests only", "data");
const item = { channelId: 12, credentialId: 345, ownerId: 7, kind: "item", upstreamId: "msg_0a1b" };

test("a tagged id opens for its owner, as its kind, and is short", () => {
  const id = tagId(key, item);
  assert.equal(tagId(key, item), id);
  assert.ok(id.length <= item.upstreamId.length + 32, id);
  assert.ok(looksTagged(id) && !looksSealed(id));
  assert.deepEqual(openTagged(key, id, item), item);
  assert.equal(openTagged(key, id, { ownerId: 8, kind: "item" }), undefined);
  assert.equal(openTagged(key, id, { ownerId: 7, kind: "file" }), undefined);
  assert.equal(openTagged(deriveKey("another", "data"), id, item), undefined);
});

test("no part of it can be changed", () => {
  const id = tagId(key, item);
  for (let index = 0; index < id.length; index += 1) {
    const other = id[index] === "a" ? "b" : "a";
    const changed = id.slice(0, index) + other + id.slice(index + 1);
    assert.equal(openTagged(key, changed, item), undefined, changed);
  }
  for (const none of ["msg_0a1b", "", "_sy1t1-1-", `msg_sy1t1-1-${"é".repeat(16)}`])
    assert.equal(openTagged(key, none, item), undefined);
});

test("an id that was tagged elsewhere before is tagged and opened like any other", () => {
  const twice = { ...item, upstreamId: tagId(key, item) };
  assert.deepEqual(openTagged(key, tagId(key, twice), twice), twice);
});
