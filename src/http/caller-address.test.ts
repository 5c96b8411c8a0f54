/** Forwarded addresses: believed from trusted proxies alone, read from the right. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isLoopbackCaller, makeAddressResolver } from "./caller-address.ts";

const walk = makeAddressResolver({
  trustedProxies: ["10.0.0.0/8", "2001:db8::/32"],
  trustedHeader: undefined,
});

test("without trust a forwarding header is nothing", () => {
  const none = makeAddressResolver({ trustedProxies: [], trustedHeader: undefined });
  assert.equal(none("203.0.113.1", { "x-forwarded-for": "1.2.3.4" }), "203.0.113.1");
  assert.equal(walk("203.0.113.1", { "x-forwarded-for": "1.2.3.4" }), "203.0.113.1");
});

test("the first untrusted hop from the right is the caller, whatever it claims of those before it", () => {
  const cases: [string, string][] = [
    ["198.51.100.7", "198.51.100.7"],
    ["9.9.9.9, 198.51.100.7", "198.51.100.7"],
    ["9.9.9.9, 198.51.100.7, 10.1.1.1", "198.51.100.7"],
    ["9.9.9.9, 198.51.100.7:5151, 10.1.1.1:80", "198.51.100.7"],
    ["9.9.9.9, [2400::7]:443, 2001:db8::9", "2400::7"],
    ["9.9.9.9, ::ffff:198.51.100.7", "198.51.100.7"],
    ["9.9.9.9, garbage", "10.0.0.1"],
    ["garbage, 10.2.2.2", "10.2.2.2"],
    ["", "10.0.0.1"],
    ["10.3.3.3", "10.3.3.3"],
  ];
  for (const [header, caller] of cases)
    assert.equal(walk("::ffff:10.0.0.1", { "x-forwarded-for": header }), caller, header);
});

test("a trusted header stands in for the walk", () => {
  const resolve = makeAddressResolver({
    trustedProxies: ["10.0.0.0/8"],
    trustedHeader: "cf-connecting-ip",
  });
  const headers = { "cf-connecting-ip": "198.51.100.7", "x-forwarded-for": "1.1.1.1" };
  assert.equal(resolve("10.0.0.1", headers), "198.51.100.7");
  assert.equal(resolve("11.0.0.1", headers), "11.0.0.1");
  assert.equal(resolve("10.0.0.1", { "x-forwarded-for": "1.1.1.1" }), "10.0.0.1");
});

test("loopback counts only without a proxy's traces", () => {
  assert.ok(
    isLoopbackCaller("127.0.0.1", {}) &&
      isLoopbackCaller("::ffff:127.0.0.1", {}) &&
      isLoopbackCaller("::1", {}),
  );
  assert.ok(!isLoopbackCaller("10.0.0.1", {}));
  assert.ok(!isLoopbackCaller("127.0.0.1", { forwarded: "for=1.2.3.4" }));
});
