/**
 * Which addresses lie on the public internet. Promise kept here: whatever a caller can make the gateway connect to lies
 * there, in whichever spelling it comes. Ranges: IANA's registries of special-purpose addresses, autumn 2026.
 */
import { BlockList, isIP } from "node:net";

/** IPv4 that is private, local, shared, reserved, for documents and tests, or no single machine's. */
const specialIpv4: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.31.196.0", 24],
  ["192.52.193.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["192.175.48.0", 24],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
];

/**
 * All that is given out of IPv6. Outside lie loopback, mapped and translated IPv4 (`::ffff:0:0/96`, `64:ff9b::/96`),
 * local, link-local and multicast addresses.
 */
const globalIpv6 = ["2000::", 3] as const;

/** Inside of it: protocols' own (Teredo, ORCHID, benchmarks), 6to4, documents, the old test network. */
const specialIpv6: readonly (readonly [string, number])[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["2620:4f:8000::", 48],
  ["3ffe::", 16],
  ["3fff::", 20],
];

/** Tells whether an address is a machine's on the public internet; false for text that is no address. */
export type IsPublic = (address: string) => boolean;

export function makePublicJudge(): IsPublic {
  const special = new BlockList();
  const given = new BlockList();
  for (const [address, bits] of specialIpv4) special.addSubnet(address, bits, "ipv4");
  for (const [address, bits] of specialIpv6) special.addSubnet(address, bits, "ipv6");
  given.addSubnet(globalIpv6[0], globalIpv6[1], "ipv6");
  return (address) => {
    const bare = address.replace(/^\[(.*)\]$/, "$1");
    const family = isIP(bare);
    if (family === 4) return !special.check(bare, "ipv4");
    // A zone (`%eth0`) names an interface of this machine.
    if (family !== 6 || bare.includes("%")) return false;
    return given.check(bare, "ipv6") && !special.check(bare, "ipv6");
  };
}
