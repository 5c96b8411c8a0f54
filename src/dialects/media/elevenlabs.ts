/** ElevenLabs: speech (`/v1/text-to-speech/{voice}`) and transcription (`/v1/speech-to-text`). */
import type { JsonObject } from "../../core/json-value.ts";
import type { FormPart, SpeechRequest, TimedText, TranscriptionRequest } from "../../wire/media.ts";
import { unitUsage } from "../make-usage.ts";
import type { DecodedMedia, EncodedMedia, MediaCodec } from "../media-codec.ts";
import { parseObject } from "../parse-object.ts";
import { asKind, audioReply, cannot, objectsIn } from "./cannot.ts";
import { textPart } from "./form-fields.ts";
import { decodeVendorError } from "./vendor-error.ts";
import { voiceFor } from "./voices.ts";

/** elevenlabs.io/docs/api-reference/text-to-speech/convert, `output_format`. */
const outputFormats: Readonly<Record<SpeechRequest["format"], readonly [string, string] | null>> = {
  mp3: ["mp3_44100_128", "audio/mpeg"],
  opus: ["opus_48000_96", "audio/ogg"],
  wav: ["wav_44100", "audio/wav"],
  pcm: ["pcm_24000", "audio/pcm"],
  aac: null,
  flac: null,
};

export const elevenlabsSpeech: MediaCodec = {
  serves: ["speech"],
  encodeRequest: (request, { model, settings }): EncodedMedia => {
    const speech = asKind(request, "speech");
    const format = outputFormats[speech.format];
    if (format === null)
      throw cannot("response_format", `This voice cannot be had as ${speech.format}; ask for mp3`);
    // The vendor takes 0.7 to 1.2 and says so itself.
    const speed = speech.speed === null ? {} : { voice_settings: { speed: speech.speed } };
    const [outputFormat, mediaType] = format;
    return {
      path: { voice: voiceFor(speech.voice, settings) },
      query: { output_format: outputFormat },
      body: { kind: "json", value: { text: speech.input, model_id: model, ...speed } },
      bytesBack: { mediaType, usage: null },
    };
  },
  decodeReply: (answer, { request }) =>
    audioReply(answer, outputFormats[asKind(request, "speech").format]?.[1]),
  decodeError: decodeVendorError,
};

function encodeTranscription(request: TranscriptionRequest, model: string): FormPart[] {
  if (request.translate)
    throw cannot("model", "This model transcribes; it does not translate into English");
  const { file, language, temperature } = request;
  return [
    textPart("model_id", model),
    ...(language === null ? [] : [textPart("language_code", language)]),
    ...(temperature === null ? [] : [textPart("temperature", String(temperature))]),
    textPart("timestamps_granularity", "word"),
    { name: "file", fileName: file.name, mediaType: file.mediaType, value: file.data },
  ];
}

function wordOf(fields: JsonObject): TimedText | undefined {
  const { text, start, end, type } = fields;
  if (type === "spacing" || typeof text !== "string") return undefined;
  if (typeof start !== "number" || typeof end !== "number") return undefined;
  return { text, startS: start, endS: end };
}

function decodeTranscription(body: JsonObject): DecodedMedia {
  const words = objectsIn(body["words"])
    .map(wordOf)
    .filter((word) => word !== undefined);
  const durationS = words.at(-1)?.endS ?? null;
  const language = body["language_code"];
  return {
    kind: "reply",
    reply: {
      kind: "transcription",
      text: typeof body["text"] === "string" ? body["text"] : "",
      language: typeof language === "string" ? language : null,
      durationS,
      segments: [],
      words,
      model: null,
      usage: unitUsage({ seconds: durationS ?? undefined }),
    },
  };
}

export const elevenlabsTranscription: MediaCodec = {
  serves: ["transcription"],
  encodeRequest: (request, { model }) => ({
    body: { kind: "form", parts: encodeTranscription(asKind(request, "transcription"), model) },
  }),
  decodeReply: ({ body }) => decodeTranscription(parseObject(body)),
  decodeError: decodeVendorError,
};
