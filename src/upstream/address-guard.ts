/**
 * Keeps connections away from metadata addresses, checked where nothing can change any more: after name resolution,
 * and once more on the connected socket. A channel may point into the operator's network, but never there.
 */
import { lookup } from "node:dns";
import { BlockList, type LookupFunction, isIP } from "node:net";
import { GatewayError } from "../core/errors.ts";

/** Tells whether an address must never be connected to. */
export type IsForbidden = (address: string) => boolean;

/** Instance metadata of clouds and containers, also where it hides in another notation. */
const forbiddenRanges = [
  ["169.254.0.0", 16, "ipv4"],
  ["100.100.100.200", 32, "ipv4"],
  ["fd00:ec2::", 32, "ipv6"],
  ["::a9fe:0", 112, "ipv6"],
  ["::ffff:0:a9fe:0", 112, "ipv6"],
  ["64:ff9b::a9fe:0", 112, "ipv6"],
  ["2002:a9fe::", 32, "ipv6"],
] as const;

export function makeAddressGuard(): IsForbidden {
  const blocked = new BlockList();
  for (const [address, bits, family] of forbiddenRanges) blocked.addSubnet(address, bits, family);
  return (address) => {
    const bare = address.replace(/^\[|\]$/g, "").replace(/%.*$/, "");
    const family = isIP(bare);
    // An IPv4-mapped address (::ffff:a.b.c.d) is matched by BlockList against the IPv4 ranges.
    return family !== 0 && blocked.check(bare, family === 4 ? "ipv4" : "ipv6");
  };
}

/** The error that a connection to a forbidden address ends with. */
export function forbiddenAddress(host: string): GatewayError {
  const message = `${host} is a metadata address; the gateway never connects to those`;
  return new GatewayError("upstream_unreachable", message);
}

/** Name resolution that fails as soon as one of a name's addresses is forbidden. */
export function makeGuardedLookup(isForbidden: IsForbidden): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, "", 0);
      if (addresses.some(({ address }) => isForbidden(address)))
        return callback(forbiddenAddress(hostname), "", 0);
      if (options.all === true) return callback(null, addresses);
      const first = addresses[0];
      return callback(null, first?.address ?? "", first?.family ?? 0);
    });
  };
}
