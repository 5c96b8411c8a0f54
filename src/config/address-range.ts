/** Address ranges as operators write them: one address, or CIDR, IPv4 or IPv6. */
import { BlockList, isIP } from "node:net";

const named: Readonly<Record<string, readonly string[]>> = {
  loopback: ["127.0.0.0/8", "::1/128"],
  private: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
};

/** Whether text is an address, an address range, or one of the words `loopback`, `private`. */
export function isAddressRange(text: string): boolean {
  if (Object.hasOwn(named, text)) return true;
  const [address = "", bits, ...more] = text.split("/");
  const family = isIP(address);
  if (family === 0 || more.length > 0 || address.includes("%")) return false;
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
  );
}

/** An IPv4 address in its IPv6 clothes (`::ffff:10.0.0.1`) as IPv4; a zone id is dropped; anything else as it is. */
export function plainAddress(address: string): string {
  const bare = address.split("%", 1)[0] ?? "";
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare);
  if (mapped?.[1] !== undefined) return mapped[1];
  const hexadecimal = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(bare);
  if (hexadecimal === null) return bare;
  const high = Number.parseInt(hexadecimal[1] ?? "0", 16);
  const low = Number.parseInt(hexadecimal[2] ?? "0", 16);
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

/** Tells whether an address lies in any of the ranges; text that is no range never matches. */
export function makeAddressMatcher(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const range of ranges.flatMap((text) => named[text] ?? [text])) addRange(list, range);
  return (address) => {
    const plain = plainAddress(address);
    const family = isIP(plain);
    return family !== 0 && list.check(plain, family === 4 ? "ipv4" : "ipv6");
  };
}

function addRange(list: BlockList, range: string): void {
  if (!isAddressRange(range)) return;
  const [written = "", bits] = range.split("/");
  const address = plainAddress(written);
  const family = isIP(address) === 4 ? "ipv4" : "ipv6";
  if (bits === undefined) return list.addAddress(address, family);
  // `::ffff:10.0.0.0/104` is 10.0.0.0/8 in its IPv6 clothes.
  const length = family === "ipv4" && written.includes(":") ? Number(bits) - 96 : Number(bits);
  list.addSubnet(address, Math.max(0, length), family);
}
