/** Walks through a list in a body by its bytes. */
import { type ByteRange, skipSpace, skipValue } from "../core/json.ts";

const comma = 0x2c;

/** Where the items of a list stand, one by one. */
export function* listItems(body: Buffer, list: ByteRange): Generator<ByteRange> {
  let start = skipSpace(body, list.start + 1, list.end);
  while (start < list.end - 1) {
    const end = skipValue(body, start, list.end);
    yield { start, end };
    const behind = skipSpace(body, end, list.end);
    start = body[behind] === comma ? skipSpace(body, behind + 1, list.end) : list.end;
  }
}
