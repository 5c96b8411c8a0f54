/**
 * Opens the ids of a Responses request's input items.
 * Promise kept here: whoever merely names an item gets it where it lies and only if it is its own; an item that is sent
 * whole goes anywhere.
 */
import {
  type ByteEdit,
  type ByteRange,
  type MemberScan,
  readString,
  scanMembers,
  skipSpace,
  skipValue,
} from "../../core/json.ts";
import { looksTagged } from "../../core/sealed-id.ts";
import type { GatewayError } from "../../core/errors.ts";
import { type Opener, noSuchId, openFor, unsealedId } from "./open-ids.ts";
import { type Pin, joinPins } from "./pin.ts";

const openBracket = 0x5b;
const openBrace = 0x7b;
const comma = 0x2c;

/** Ranges of a list's elements; the text is known to be well-formed. */
function elementsOf(body: Buffer, range: ByteRange): ByteRange[] {
  const elements: ByteRange[] = [];
  let start = skipSpace(body, range.start + 1, range.end);
  while (start < range.end - 1) {
    const end = skipValue(body, start, range.end);
    elements.push({ start, end });
    const behind = skipSpace(body, end, range.end);
    if (body[behind] !== comma) break;
    start = skipSpace(body, behind + 1, range.end);
  }
  return elements;
}

/** Members by which an item is told to be whole. */
const readNames = ["id", "type", "role", "encrypted_content", "result", "approval_request_id"];

function textOf(body: Buffer, scan: MemberScan, name: string): string | undefined {
  const range = scan.members[name];
  return range === undefined ? undefined : readString(body, range);
}

/** `named`: the vendor looks it up. `leaned-on`: sent, but of use in its own account only. `whole`: of use anywhere. */
type Sending = "named" | "leaned-on" | "whole";

function sendingOf(body: Buffer, scan: MemberScan): Sending {
  const type = textOf(body, scan, "type");
  if (type === "item_reference") return "named";
  if (type === undefined) return textOf(body, scan, "role") === undefined ? "named" : "whole";
  if (type === "image_generation_call")
    return textOf(body, scan, "result") === undefined ? "named" : "whole";
  const bare = type === "reasoning" && (textOf(body, scan, "encrypted_content") ?? "") === "";
  return bare ? "leaned-on" : "whole";
}

export interface OpenedItems {
  readonly edits: readonly ByteEdit[];
  readonly pin: Pin | null;
  readonly unsealed: GatewayError | null;
  /** Ids of the gateway's own items that are merely named. */
  readonly own: readonly string[];
}

export const noItems: OpenedItems = { edits: [], pin: null, unsealed: null, own: [] };

/** Texts without which no item's id is to be opened or looked up. */
const needles = ["_sy1t", "item_reference", "image_generation_call", "approval_request_id"];

/** Ids of items that the gateway itself told: they hold the id of their call. */
export function ownItemCall(id: string): string | undefined {
  return /^[a-z]+_([0-9a-hjkmnp-tv-z]{26})_\d+$/.exec(id)?.[1];
}

/** Throws `invalid_request` for ids that are another's. `input`: where the input stands in the body. */
export function openItems(body: Buffer, input: ByteRange | undefined, opener: Opener): OpenedItems {
  if (input === undefined || body[input.start] !== openBracket) return noItems;
  if (!needles.some((needle) => body.includes(needle))) return noItems;
  const edits: ByteEdit[] = [];
  const own: string[] = [];
  let pin: Pin | null = null;
  let unsealed: GatewayError | null = null;
  const open = (range: ByteRange, field: string, sending: Sending): void => {
    const id = readString(body, range) ?? "";
    if (id === "") return;
    if (ownItemCall(id) !== undefined) return void (sending === "named" && own.push(id));
    if (!looksTagged(id)) {
      if (sending === "named") unsealed ??= unsealedId(id, "item", field);
      return;
    }
    const item = openFor(opener, id, "item");
    if (item === undefined) throw noSuchId(id, "item", field);
    if (sending !== "whole") pin = joinPins(pin, item, field);
    edits.push({ ...range, bytes: JSON.stringify(item.upstreamId) });
  };
  for (const [index, element] of elementsOf(body, input).entries()) {
    if (body[element.start] !== openBrace) continue;
    const scan = scanMembers(body, readNames, element);
    const { id, approval_request_id: approved } = scan.members;
    if (id !== undefined) open(id, `input[${index}].id`, sendingOf(body, scan));
    if (approved !== undefined) open(approved, `input[${index}].approval_request_id`, "leaned-on");
  }
  return { edits, pin, unsealed, own };
}
