/** Field rules of users and keys: the management API and the row parsers check by them. */
import { BlockList, isIP } from "node:net";
import { z } from "zod";
import { displayName, groupSymbol, modelPattern, statusField } from "./name-fields.ts";

/** An address, or a range as `address/prefix length`. */
function isAddressRange(text: string): boolean {
  const [address = "", length, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  if (length === undefined) return true;
  if (!/^\d{1,3}$/.test(length)) return false;
  try {
    new BlockList().addSubnet(address, Number(length), family === 4 ? "ipv4" : "ipv6");
    return true;
  } catch {
    return false;
  }
}

export const userFields = {
  username: z.string().regex(/^[^\s\p{Cc}]{1,191}$/u, "must be 1 to 191 characters without spaces"),
  role: z.enum(["root", "admin", "member"]),
  group: groupSymbol,
  billing: z.enum(["prepaid", "postpaid"]),
  status: statusField,
};

export const keyFields = {
  name: displayName,
  group: groupSymbol.nullable(),
  fallbackGroup: groupSymbol.nullable(),
  models: z.array(modelPattern).max(10_000).nullable(),
  ipRanges: z
    .array(z.string().refine(isAddressRange, "must be an address or a range such as 10.0.0.0/8"))
    .max(1000)
    .nullable(),
  /** Ms UTC. */
  expiresAtMs: z.int().min(0).nullable(),
  status: statusField,
};
