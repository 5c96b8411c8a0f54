/**
 * Reads single members of content blocks by their bytes. Promise kept here: what is written in another way than we read
 * it is the vendor's to judge.
 */
import { type ByteRange, type MemberScan, readString, scanMembers } from "../../core/json.ts";

const openBrace = 0x7b;

/** Members of an object within the body; none where it repeats one of them, which is the vendor's to judge. */
export function membersOf(
  body: Buffer,
  names: readonly string[],
  within: ByteRange,
): MemberScan["members"] {
  try {
    return scanMembers(body, names, within).members;
  } catch {
    return {};
  }
}

/** The `type` of a block; undefined: it has none, or is no object. */
export function typeOf(body: Buffer, block: ByteRange | undefined): string | undefined {
  if (block === undefined || body[block.start] !== openBrace) return undefined;
  const { type } = membersOf(body, ["type"], block);
  return type === undefined ? undefined : readString(body, type);
}
