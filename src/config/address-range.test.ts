/** Address ranges decide who may use a key and whose forwarding headers are believed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isAddressRange, makeAddressMatcher, plainAddress } from "./address-range.ts";

test("addresses, CIDR of both families and the words are ranges; anything else is not", () => {
  for (const good of [
    "10.0.0.1",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "2001:db8::/32",
    "::1",
    "::/0",
    "loopback",
    "private",
  ])
    assert.ok(isAddressRange(good), good);
  for (const bad of [
    "",
    "10.0.0",
    "10.0.0.0/33",
    "10.0.0.0/8/8",
    "::/129",
    "host",
    "10.0.0.0/x",
    "fe80::1%eth0",
    "10.0.0.0/",
  ])
    assert.ok(!isAddressRange(bad), bad);
});

test("an IPv4 caller matches in any clothing", () => {
  const matches = makeAddressMatcher(["10.0.0.0/8", "192.0.2.7", "::ffff:172.16.0.0/108"]);
  for (const inside of [
    "10.1.2.3",
    "::ffff:10.1.2.3",
    "::ffff:0a01:0203",
    "192.0.2.7",
    "172.16.5.5",
  ])
    assert.ok(matches(inside), inside);
  for (const outside of ["11.0.0.1", "192.0.2.8", "::1", "", "garbage", "172.32.0.1"])
    assert.ok(!matches(outside), outside);
});

test("IPv6 ranges match IPv6 callers, and an empty list matches nobody", () => {
  const matches = makeAddressMatcher(["2001:db8::/32", "loopback"]);
  assert.ok(matches("2001:db8:1::5") && matches("::1") && matches("127.0.0.9"));
  assert.ok(!matches("2001:db9::1"));
  assert.ok(!makeAddressMatcher([])("127.0.0.1"));
  assert.equal(plainAddress("fe80::1%eth0"), "fe80::1");
});
