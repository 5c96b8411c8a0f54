/** Tells images, speech and transcripts of other vendors as OpenAI tells its own, whole or as the events asked for. */
import type { JsonObject } from "../../core/json-value.ts";
import { renderEvent } from "../../core/sse.ts";
import type {
  ImageReply,
  ImageRequest,
  MadeImage,
  MediaReply,
  SpeechReply,
  TranscriptionReply,
  TranscriptionRequest,
} from "../../wire/media.ts";
import type { Usage } from "../../wire/usage.ts";
import type { EncodedReply, MediaReplyContext } from "../media-codec.ts";
import { renderSubtitles, segmentsOf } from "./subtitles.ts";

const eventStream = "text/event-stream; charset=utf-8";

function json(value: JsonObject): EncodedReply {
  return { contentType: "application/json", body: Buffer.from(JSON.stringify(value)) };
}

function events(...told: readonly JsonObject[]): EncodedReply {
  const rendered = told.map((event) => renderEvent(JSON.stringify(event), String(event["type"])));
  return { contentType: eventStream, body: Buffer.concat(rendered) };
}

function tokens(usage: Usage): JsonObject {
  const { input, output } = usage;
  return { input_tokens: input, output_tokens: output, total_tokens: input + output };
}

function hasTokens(usage: Usage | null): usage is Usage {
  return usage !== null && usage.input + usage.output > 0;
}

function encodeImage(image: MadeImage, request: ImageRequest): JsonObject {
  const { source, revisedPrompt } = image;
  const revised = revisedPrompt === null ? {} : { revised_prompt: revisedPrompt };
  if (source.kind === "url") return { url: source.url, ...revised };
  // Whoever wants a URL gets one that holds the image.
  const type = `image/${request.outputFormat ?? "png"}`;
  return request.deliver === "url"
    ? { url: `data:${type};base64,${source.data}`, ...revised }
    : { b64_json: source.data, ...revised };
}

function encodeImages(
  reply: ImageReply,
  request: ImageRequest,
  context: MediaReplyContext,
): EncodedReply {
  const created = reply.createdAtS ?? context.createdAtS;
  const data = reply.images.map((image) => encodeImage(image, request));
  const usage = hasTokens(reply.usage) ? { usage: tokens(reply.usage) } : {};
  if (!request.stream) return json({ created, data, ...usage });
  const type = request.action === "edit" ? "image_edit.completed" : "image_generation.completed";
  return events(...data.map((image) => ({ type, created_at: created, ...image, ...usage })));
}

function encodeSpeech(reply: SpeechReply, stream: boolean): EncodedReply {
  if (!stream) return { contentType: reply.mediaType, body: reply.audio };
  const usage = hasTokens(reply.usage) ? { usage: tokens(reply.usage) } : {};
  return events(
    { type: "speech.audio.delta", audio: reply.audio.toString("base64") },
    { type: "speech.audio.done", ...usage },
  );
}

function durationUsage(reply: TranscriptionReply): JsonObject {
  const seconds = reply.durationS ?? reply.usage?.kinds?.seconds;
  if (hasTokens(reply.usage)) return { usage: { type: "tokens", ...tokens(reply.usage) } };
  return seconds === undefined ? {} : { usage: { type: "duration", seconds: Math.ceil(seconds) } };
}

function encodeVerbose(reply: TranscriptionReply, request: TranscriptionRequest): JsonObject {
  const segments = segmentsOf(reply).map(({ text, startS, endS }, id) => ({
    id,
    start: startS,
    end: endS,
    text,
  }));
  const words = reply.words.map(({ text, startS, endS }) => ({
    word: text,
    start: startS,
    end: endS,
  }));
  return {
    task: request.translate ? "translate" : "transcribe",
    language: reply.language ?? request.language ?? "",
    duration: reply.durationS ?? segments.at(-1)?.end ?? 0,
    text: reply.text,
    segments,
    ...(request.words ? { words } : {}),
    ...durationUsage(reply),
  };
}

function encodeTranscript(reply: TranscriptionReply, request: TranscriptionRequest): EncodedReply {
  const { text } = reply;
  if (request.stream)
    return events(
      { type: "transcript.text.delta", delta: text },
      { type: "transcript.text.done", text, ...durationUsage(reply) },
    );
  switch (request.format) {
    case "json":
      return json({ text, ...durationUsage(reply) });
    case "verbose_json":
      return json(encodeVerbose(reply, request));
    case "text":
      return { contentType: "text/plain; charset=utf-8", body: Buffer.from(`${text}\n`) };
    default:
      return {
        contentType: "text/plain; charset=utf-8",
        body: Buffer.from(renderSubtitles(segmentsOf(reply), request.format)),
      };
  }
}

/** The reply in the form that its request asked for. */
export function encodeReply(reply: MediaReply, context: MediaReplyContext): EncodedReply {
  const { request } = context;
  if (reply.kind === "image" && request.kind === "image")
    return encodeImages(reply, request, context);
  if (reply.kind === "speech" && request.kind === "speech")
    return encodeSpeech(reply, request.stream);
  if (reply.kind === "transcription" && request.kind === "transcription")
    return encodeTranscript(reply, request);
  throw new TypeError(`a reply of ${reply.kind} to a request for ${request.kind}`);
}
