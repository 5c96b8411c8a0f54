/** What is sealed opens only with its key, its context and its bytes; key hashes match One Hub's and LiteLLM's forms. */
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import {
  deriveKey,
  hashApiKey,
  hashToken,
  openBytes,
  openText,
  sealBytes,
  sealText,
} from "./seal.ts";

const key = deriveKey("a root secret of some length", "test");

test("sealed text opens with the same key and context only", () => {
  const sealed = sealText(key, "credential", "sk-über");
  assert.equal(openText(key, "credential", sealed), "sk-über");
  assert.notEqual(sealText(key, "credential", "sk-über"), sealed);
  assert.throws(() => openText(key, "snapshot", sealed));
  assert.throws(() => openText(deriveKey("another", "test"), "credential", sealed));
});

test("one flipped bit anywhere is refused", () => {
  const sealed = sealBytes(key, "c", Buffer.from("content"));
  for (let index = 0; index < sealed.length; index += 1) {
    const broken = Buffer.from(sealed);
    broken[index] = (broken[index] ?? 0) ^ 1;
    assert.throws(() => openBytes(key, "c", broken), `byte ${index}`);
  }
  assert.throws(() => openBytes(key, "c", Buffer.alloc(5)));
});

test("a key hashes alike with and without sk- and with any suffix", () => {
  const pepper = Buffer.alloc(32, 7);
  const plain = hashApiKey(pepper, "abcdef");
  assert.equal(hashApiKey(pepper, "sk-abcdef"), plain);
  assert.equal(hashApiKey(pepper, "sk-abcdef#12#ignore"), plain);
  assert.notEqual(hashApiKey(pepper, "sk-sk-abcdef"), plain);
  // LiteLLM stores hex SHA-256 of the whole `sk-…` key: its bytes under our pepper are the same hash.
  const stored = createHash("sha256").update("sk-abcdef").digest();
  assert.equal(createHmac("sha256", pepper).update(stored).digest("hex"), plain);
});

test("tokens of different purpose never share a hash", () => {
  const pepper = Buffer.alloc(32, 7);
  assert.notEqual(hashToken(pepper, "setup", "x"), hashToken(pepper, "management", "x"));
});
