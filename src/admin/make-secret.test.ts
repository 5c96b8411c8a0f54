/** Secrets that are handed out: right length, right letters, no bias, never the same. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemRandom } from "../core/ids.ts";
import { makeApiKey, makeManagementToken, makeSecret } from "./make-secret.ts";

test("keys and tokens have their form and never repeat", () => {
  const keys = new Set(Array.from({ length: 500 }, () => makeApiKey(systemRandom)));
  assert.equal(keys.size, 500);
  for (const key of keys) assert.match(key, /^sk-[0-9A-Za-z]{59}$/);
  assert.match(makeManagementToken(systemRandom), /^swt-[0-9A-Za-z]{48}$/);
});

test("bytes that would favour some letters are drawn again", () => {
  const bytes = [255, 248, 0, 61, 62, 247];
  const text = makeSecret(4, () => Uint8Array.from(bytes));
  assert.equal(text, "0z0z");
});
