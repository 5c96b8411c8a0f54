/** Addresses of the public internet are told from all others, in every spelling that URLs and name servers have. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { makePublicJudge } from "./public-address.ts";

const isPublic = makePublicJudge();

const notPublic = [
  ..."0.0.0.0 0.0.0.1 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255".split(" "),
  ..."127.0.0.1 127.255.255.255 169.254.0.0 169.254.169.254 169.254.170.2 172.16.0.0".split(" "),
  ..."172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.31.196.1 192.52.193.1".split(" "),
  ..."192.88.99.1 192.168.0.1 192.168.255.255 192.175.48.1 198.18.0.0 198.19.255.255".split(" "),
  ..."198.51.100.7 203.0.113.255 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255".split(" "),
  ...":: ::1 ::7f00:1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:8.8.8.8".split(" "),
  ..."0:0:0:0:0:ffff:a9fe:a9fe 64:ff9b::8.8.8.8 64:ff9b::a00:1 64:ff9b:1::1 100::1".split(" "),
  ..."100:0:0:1::1 2001::1 2001:0:4136:e378:: 2001:2::1 2001:10::1 2001:20::1".split(" "),
  ..."2001:1ff:ffff::1 2001:db8::1 2001:0db8:ffff::1 2002::1 2002:7f00:1::1".split(" "),
  ..."2620:4f:8000::1 3ffe::1 3fff::1 3fff:fff::1 4000::1 5f00::1 8000::1 fc00::1".split(" "),
  ..."fd00:ec2::254 fdff::1 fe80::1 fe80::1%eth0 febf::1 fec0::1 ff00::1 ff02::1 ff0e::1".split(
    " ",
  ),
  ..."2606:4700::1111%eth0 localhost 8.8.8 08.8.8.8 0x8.8.8.8 8.8.8.8/32 1 [8.8.8.8".split(" "),
  "",
  " 8.8.8.8",
];

const publicOnes = [
  ..."1.0.0.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255".split(" "),
  ..."128.0.0.1 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0".split(
    " ",
  ),
  ..."192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 203.0.112.255".split(" "),
  ..."223.255.255.255 2001:200::1 2001:4860:4860::8888 2003::1 2606:4700:4700::1111".split(" "),
  ..."2a00:1450:4001::1 [2606:4700::1] 2620:0:2d0::1 3ffd:ffff::1 3fff:1000::1".split(" "),
];

test("ranges end where they end", () => {
  for (const address of notPublic) assert.equal(isPublic(address), false, address);
  for (const address of publicOnes) assert.equal(isPublic(address), true, address);
});

const byte = fc.integer({ min: 0, max: 255 });

/** The same by arithmetic on numbers, not on ranges of a list. */
function isSpecial([a, b, c]: readonly [number, number, number, number]): boolean {
  if (a === 0 || a === 10 || a === 127 || a >= 224) return true;
  if (a === 100) return b >= 64 && b < 128;
  if (a === 169) return b === 254;
  if (a === 172) return b >= 16 && b < 32;
  if (a === 198) return b === 18 || b === 19 || (b === 51 && c === 100);
  if (a === 203) return b === 0 && c === 113;
  if (a !== 192) return false;
  if (b === 168) return true;
  const nets = ["0.0", "0.2", "31.196", "52.193", "88.99", "175.48"];
  return nets.includes(`${b}.${c}`);
}

test("any IPv4 address is judged as its number says, and none that hides in IPv6 is public", () => {
  const heads = fc.oneof(byte, fc.constantFrom(10, 100, 127, 169, 172, 192, 198, 203));
  const seconds = fc.oneof(byte, fc.constantFrom(0, 16, 18, 31, 51, 52, 64, 88, 168, 254));
  const thirds = fc.oneof(byte, fc.constantFrom(0, 2, 48, 99, 100, 113, 193, 196));
  fc.assert(
    fc.property(fc.tuple(heads, seconds, thirds, byte), (address) => {
      const text = address.join(".");
      assert.equal(isPublic(text), !isSpecial(address), text);
      const [a, b, c, d] = address;
      const words = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
      for (const prefix of ["::ffff:", "::", "64:ff9b::", "::ffff:0:", "64:ff9b:1::"]) {
        assert.equal(isPublic(prefix + text), false, prefix + text);
        assert.equal(isPublic(prefix + words), false, prefix + words);
      }
      assert.equal(isPublic(`2002:${words}::1`), false);
    }),
    { numRuns: 2000 },
  );
});

test("IPv6 outside of what is given out is never public", () => {
  const word = fc.integer({ min: 0, max: 0xffff });
  fc.assert(
    fc.property(fc.array(word, { minLength: 8, maxLength: 8 }), (words) => {
      const text = words.map((one) => one.toString(16)).join(":");
      const first = words[0] ?? 0;
      if (first < 0x2000 || first > 0x3fff) assert.equal(isPublic(text), false, text);
      else if (![0x2001, 0x2002, 0x2620, 0x3ffe, 0x3fff].includes(first))
        assert.equal(isPublic(text), true, text);
    }),
    { numRuns: 2000 },
  );
});
