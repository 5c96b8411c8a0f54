/** Timed text as SRT and WebVTT, and segments made of words where a vendor tells only those. */
import type { TimedText, TranscriptionReply } from "../../wire/media.ts";

/** A segment made of words ends at the end of a sentence, or when it has become as long as a subtitle may be. */
const maxSegmentLength = 80;
const maxSegmentS = 6;

function joinWords(words: readonly TimedText[]): TimedText[] {
  const segments: TimedText[] = [];
  let open: TimedText | undefined;
  for (const { text, startS, endS } of words) {
    const startedAtS: number = open?.startS ?? startS;
    const joined: string = open === undefined ? text : `${open.text} ${text}`;
    const segment: TimedText = { text: joined, startS: startedAtS, endS };
    const full = joined.length >= maxSegmentLength || endS - startedAtS >= maxSegmentS;
    if (full || /[.!?。！？]$/.test(text)) {
      segments.push(segment);
      open = undefined;
    } else open = segment;
  }
  if (open !== undefined) segments.push(open);
  return segments;
}

/** The segments of a transcript: the vendor's own, else made of its words, else one of the whole. */
export function segmentsOf(reply: TranscriptionReply): readonly TimedText[] {
  if (reply.segments.length > 0) return reply.segments;
  if (reply.words.length > 0) return joinWords(reply.words);
  if (reply.text === "") return [];
  return [{ text: reply.text, startS: 0, endS: reply.durationS ?? 0 }];
}

function clock(seconds: number, mark: "," | "."): string {
  const total = Math.round(Math.max(0, seconds) * 1000);
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  const hours = two(total / 3_600_000);
  const minutes = two((total / 60_000) % 60);
  return `${hours}:${minutes}:${two((total / 1000) % 60)}${mark}${String(total % 1000).padStart(3, "0")}`;
}

/** Subtitles, with a blank line behind each cue. */
export function renderSubtitles(segments: readonly TimedText[], format: "srt" | "vtt"): string {
  const mark = format === "srt" ? "," : ".";
  const cues = segments.map(({ text, startS, endS }, index) => {
    const number = format === "srt" ? `${index + 1}\n` : "";
    return `${number}${clock(startS, mark)} --> ${clock(endS, mark)}\n${text.trim()}\n\n`;
  });
  return (format === "vtt" ? "WEBVTT\n\n" : "") + cues.join("");
}
