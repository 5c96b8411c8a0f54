/** Holds every provider row to the same rules. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { findProvider, providers } from "./registry.ts";

test("ids are unique, lower case and found again", () => {
  assert.equal(new Set(providers.map((provider) => provider.id)).size, providers.length);
  for (const provider of providers) {
    assert.match(provider.id, /^[a-z0-9]+(?:-[a-z0-9]+)*$/);
    assert.equal(findProvider(provider.id), provider);
  }
  assert.equal(findProvider("no-such-vendor"), undefined);
  assert.equal(findProvider("toString"), undefined);
});

test("every provider can be called", () => {
  for (const provider of providers) {
    assert.ok(provider.endpoints.chat !== undefined, provider.id);
    for (const endpoint of Object.values(provider.endpoints).flat())
      assert.match(endpoint.path, /^\/[a-z/]+$/);
    if (provider.defaultBaseUrl === null) continue;
    const url = new URL(provider.defaultBaseUrl);
    assert.ok(!provider.defaultBaseUrl.endsWith("/"), provider.id);
    const local = url.hostname === "127.0.0.1";
    assert.equal(url.protocol, local ? "http:" : "https:", provider.id);
    assert.equal(provider.credentialRequired, !local, provider.id);
  }
});

test("only providers whose base URL is the channel's own have none", () => {
  const without = providers.filter((provider) => provider.defaultBaseUrl === null);
  assert.deepEqual(
    without.map((provider) => provider.id),
    ["custom"],
  );
});
