/**
 * What fetched bytes are, by how they begin and by what their sender says. Promise kept here: neither alone decides
 * (but for senders who say nothing), so that no web page or program is taken for an image.
 */
import { lookUp } from "../../core/look-up.ts";
import { isUtf8 } from "node:buffer";
import type { MediaPart } from "../../wire/conversation.ts";

export interface Sniffed {
  readonly medium: MediaPart["medium"];
  readonly mediaType: string;
}

/** Types that say nothing of what is sent. */
const unsaid: readonly string[] = ["", "application/octet-stream", "binary/octet-stream"];

/** Beginnings as hexadecimal digits; eight dots are the length of a box or chunk. */
const signs: readonly (readonly [RegExp, string])[] = [
  [/^89504e470d0a1a0a/, "image/png"],
  [/^ffd8ff/, "image/jpeg"],
  [/^47494638(?:37|39)61/, "image/gif"],
  [/^52494646.{8}57454250/, "image/webp"],
  // heic, heix, hevc, mif1, msf1
  [/^.{8}66747970(?:68656963|68656978|68657663|6d696631|6d736631)/, "image/heic"],
  [/^255044462d/, "application/pdf"],
  [/^52494646.{8}57415645/, "audio/wav"],
  [/^(?:494433|ff(?:e2|e3|f2|f3|fa|fb))/, "audio/mpeg"],
  [/^ff(?:f0|f1|f8|f9)/, "audio/aac"],
  [/^664c6143/, "audio/flac"],
  [/^4f676753/, "audio/ogg"],
  [/^464f524d.{8}414946(?:46|43)/, "audio/aiff"],
  // M4A, M4B, qt, 3g
  [/^.{8}667479704d34(?:41|42)/, "audio/mp4"],
  [/^.{8}667479707174/, "video/quicktime"],
  [/^.{8}667479703367/, "video/3gpp"],
  [/^.{8}66747970/, "video/mp4"],
  [/^1a45dfa3.{0,120}7765626d/, "video/webm"],
  [/^1a45dfa3/, "video/x-matroska"],
  [/^000001(?:b3|ba)/, "video/mpeg"],
  [/^464c5601/, "video/x-flv"],
  [/^3026b2758e66cf11/, "video/x-ms-wmv"],
];

/** Containers that hold sound or pictures: who sends them says which. */
const containers: readonly string[] = ["audio/ogg", "audio/mp4", "video/mp4", "video/webm"];

const office = "application/vnd.openxmlformats-officedocument.";

/** Documents that begin like any archive, or like nothing at all: believed to whoever names their type. */
const named: Readonly<Record<string, (bytes: Buffer) => boolean>> = {
  [`${office}wordprocessingml.document`]: isArchive,
  [`${office}spreadsheetml.sheet`]: isArchive,
  "application/msword": isCompound,
  "application/vnd.ms-excel": isCompound,
  "text/plain": isText,
  "text/markdown": isText,
  "text/csv": isText,
  "application/json": isText,
};

function isArchive(bytes: Buffer): boolean {
  return bytes.subarray(0, 4).equals(Buffer.from("PK\x03\x04", "latin1"));
}

function isCompound(bytes: Buffer): boolean {
  return bytes.subarray(0, 4).equals(Buffer.from([0xd0, 0xcf, 0x11, 0xe0]));
}

function isText(bytes: Buffer): boolean {
  return !bytes.includes(0) && isUtf8(bytes);
}

function mediumOf(mediaType: string): Sniffed["medium"] {
  const [family] = mediaType.split("/");
  return family === "image" || family === "audio" || family === "video" ? family : "document";
}

/** Whether the sender's word and the bytes are of one kind. */
function agrees(said: string, seen: string): boolean {
  if (unsaid.includes(said)) return true;
  if (said === "application/ogg") return seen === "audio/ogg";
  if (mediumOf(seen) === "document") return /^application\/(?:x-)?pdf$/.test(said);
  return mediumOf(said) === mediumOf(seen);
}

/** `contentType`: the header; null: none. Undefined: no media, or not what it is said to be. */
export function sniffMedia(bytes: Buffer, contentType: string | null): Sniffed | undefined {
  const said = (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (Object.hasOwn(named, said))
    return lookUp(named, said)?.(bytes) === true
      ? { medium: "document", mediaType: said }
      : undefined;
  const head = bytes.toString("hex", 0, 80);
  const seen = signs.find(([sign]) => sign.test(head))?.[1];
  if (seen === undefined) return undefined;
  if (containers.includes(seen) && /^(?:audio|video)\//.test(said))
    return { medium: mediumOf(said), mediaType: seen.replace(/^\w+/, mediumOf(said)) };
  return agrees(said, seen) ? { medium: mediumOf(seen), mediaType: seen } : undefined;
}
