/**
 * Reads stream events of images, speech and transcription (`image_generation.partial_image`, `speech.audio.delta`,
 * `transcript.text.done`, …). Promise kept here: the base64 in them is stepped over, never parsed.
 */
import { type MemberScan, readString, readValue, scanMembers } from "../../core/json.ts";
import { eventData, eventName } from "../../core/sse.ts";
import type { Usage } from "../../wire/usage.ts";
import type { EventReading, ReadEvent } from "../contract.ts";
import { valueAt } from "../reply-members.ts";
import { type Counted, decodeUsage } from "./usage.ts";

const readNames = ["type", "usage", "error", "delta", "size", "quality"] as const;

interface Scanned {
  readonly payload: Buffer;
  readonly scan: MemberScan;
  readonly type: string;
}

function scanEvent(event: Buffer): Scanned | "done" | undefined {
  const payload = eventData(event);
  if (payload === undefined) return undefined;
  if (payload.toString("latin1", 0, 6) === "[DONE]") return "done";
  try {
    const scan = scanMembers(payload, readNames);
    const range = scan.members["type"];
    return { payload, scan, type: (range && readString(payload, range)) ?? "" };
  } catch {
    return undefined;
  }
}

function isTold(scanned: Scanned, name: string): boolean {
  const range = scanned.scan.members[name];
  const first = range === undefined ? undefined : scanned.payload[range.start];
  return first === 0x7b || first === 0x22;
}

function kindOf(event: Buffer, scanned: Scanned): EventReading["kind"] {
  const { type } = scanned;
  if (type === "error" || isTold(scanned, "error") || eventName(event) === "error") return "error";
  return type.endsWith(".completed") || type.endsWith(".done") ? "finish" : "content";
}

/** A reader for one stream. */
export function makeEventReader(): ReadEvent {
  const reading = { kind: "preamble", hasUsage: false, textBytes: 0, modelStart: -1, modelEnd: -1 };
  return (event) => {
    const told = reading as EventReading;
    told.kind = "preamble";
    told.hasUsage = false;
    told.textBytes = 0;
    const scanned = scanEvent(event);
    if (scanned === undefined) return told;
    if (scanned === "done") {
      told.kind = "done";
      return told;
    }
    told.kind = kindOf(event, scanned);
    // A finished image counts even where it tells no tokens.
    told.hasUsage = told.kind === "finish";
    const delta = scanned.type.startsWith("transcript") ? scanned.scan.members["delta"] : undefined;
    if (delta !== undefined) told.textBytes = Math.max(0, delta.end - delta.start - 2);
    return told;
  };
}

function countedBy({ type, payload, scan }: Scanned, earlier: Usage | null): Counted {
  if (!type.startsWith("image")) return type.startsWith("speech") ? { output: "audio" } : {};
  const { size, quality } = scan.members;
  const look = { size: valueAt(payload, size), quality: valueAt(payload, quality) };
  return { images: (earlier?.kinds?.images ?? 0) + 1, output: "image", look };
}

/** Usage told by an event that finishes something. Tokens are told for the whole request; images are counted up. */
export function eventUsage(event: Buffer, earlier: Usage | null): Usage | null {
  const scanned = scanEvent(event);
  if (scanned === undefined || scanned === "done") return earlier;
  const range = scanned.scan.members["usage"];
  const told = range === undefined ? undefined : readValue(scanned.payload, range);
  return decodeUsage(told, countedBy(scanned, earlier)) ?? earlier;
}
