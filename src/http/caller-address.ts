/** The address of the caller. Promise kept here: a forwarding header counts only when a trusted proxy sent it. */
import { isIP } from "node:net";
import { makeAddressMatcher, plainAddress } from "../config/address-range.ts";
import type { Config } from "../config/config.ts";
import type { HeaderMap } from "../wire/call.ts";

/** The caller's address, from the connection's own and the headers. */
export type AddressResolver = (connection: string, headers: HeaderMap) => string;

/** Makes the resolver for `TRUSTED_PROXIES` and `TRUSTED_HEADER`. */
export function makeAddressResolver(
  config: Pick<Config, "trustedProxies" | "trustedHeader">,
): AddressResolver {
  const trusts = makeAddressMatcher(config.trustedProxies);
  return (connection, headers) => {
    const own = plainAddress(connection);
    const told = headers[config.trustedHeader ?? "x-forwarded-for"];
    if (told === undefined || !trusts(own)) return own;
    if (config.trustedHeader !== undefined) return readAddress(told) ?? own;
    return walkForwarded(own, told, trusts);
  };
}

/** From the right, each trusted hop vouches for the one before it; the first untrusted one is the caller. */
function walkForwarded(own: string, header: string, trusts: (address: string) => boolean): string {
  let caller = own;
  for (const hop of header.split(",").toReversed()) {
    if (!trusts(caller)) return caller;
    const address = readAddress(hop);
    if (address === undefined) return caller;
    caller = address;
  }
  return caller;
}

/** An address as proxies write it: bare, with a port, or in brackets; undefined when it is none. */
function readAddress(text: string): string | undefined {
  const trimmed = text.trim();
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(trimmed)?.[1];
  const withPort = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(trimmed)?.[1];
  const address = plainAddress(bracketed ?? withPort ?? trimmed);
  return isIP(address) === 0 ? undefined : address;
}

/** Whether someone on this machine asks, and no proxy stands between. */
export function isLoopbackCaller(connection: string, headers: HeaderMap): boolean {
  const forwarded = ["x-forwarded-for", "forwarded", "x-real-ip", "via"].some(
    (name) => headers[name] !== undefined,
  );
  return !forwarded && makeAddressMatcher(["loopback"])(connection);
}
