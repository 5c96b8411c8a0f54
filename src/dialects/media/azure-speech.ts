/** Azure's Speech service: text as SSML, the voice within it, the format in a header. */
import type { SpeechRequest } from "../../wire/media.ts";
import type { MediaCodec } from "../media-codec.ts";
import { asKind, audioReply, cannot } from "./cannot.ts";
import { decodeVendorError } from "./vendor-error.ts";
import { voiceFor } from "./voices.ts";

/** learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech, audio outputs. */
const outputFormats: Readonly<Record<SpeechRequest["format"], readonly [string, string] | null>> = {
  mp3: ["audio-24khz-96kbitrate-mono-mp3", "audio/mpeg"],
  opus: ["ogg-24khz-16bit-mono-opus", "audio/ogg"],
  wav: ["riff-24khz-16bit-mono-pcm", "audio/wav"],
  pcm: ["raw-24khz-16bit-mono-pcm", "audio/pcm"],
  aac: null,
  flac: null,
};

/** Azure has OpenAI's voices under names of its own. */
const usualVoices: Readonly<Record<string, string>> = {
  alloy: "en-US-AlloyMultilingualNeural",
  echo: "en-US-EchoMultilingualNeural",
  fable: "en-US-FableMultilingualNeural",
  nova: "en-US-NovaMultilingualNeural",
  onyx: "en-US-OnyxMultilingualNeural",
  shimmer: "en-US-ShimmerMultilingualNeural",
};

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

/** Text as XML holds it; characters that XML knows nothing of are left out. */
function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\uFFFE\uFFFF]/gu, (character) =>
      /[\t\n\r]/.test(character) ? character : "",
    )
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}

function encodeSsml(speech: SpeechRequest, voice: string): string {
  const [, language] = /^([a-z]{2,3}-(?:[A-Z][a-z]{3}-)?[A-Z]{2})-\w/.exec(voice) ?? [];
  if (language === undefined)
    throw cannot("voice", "`voice` must be one of Azure's, such as en-US-JennyNeural");
  const { speed } = speech;
  if (speed !== null && (speed < 0.5 || speed > 2))
    throw cannot("speed", "`speed` must be between 0.5 and 2 for this model");
  const text = escapeXml(speech.input);
  const spoken = speed === null ? text : `<prosody rate="${speed}">${text}</prosody>`;
  return `<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="${language}"><voice name="${escapeXml(voice)}">${spoken}</voice></speak>`;
}

export const azureSpeech: MediaCodec = {
  serves: ["speech"],
  encodeRequest: (request, { settings }) => {
    const speech = asKind(request, "speech");
    const format = outputFormats[speech.format];
    if (format === null)
      throw cannot("response_format", `This voice cannot be had as ${speech.format}; ask for mp3`);
    const ssml = encodeSsml(speech, voiceFor(speech.voice, settings, usualVoices));
    const [outputFormat, mediaType] = format;
    return {
      headers: { "x-microsoft-outputformat": outputFormat },
      body: { kind: "bytes", contentType: "application/ssml+xml", data: Buffer.from(ssml) },
      bytesBack: { mediaType, usage: null },
    };
  },
  decodeReply: (answer, { request }) =>
    audioReply(answer, outputFormats[asKind(request, "speech").format]?.[1]),
  decodeError: decodeVendorError,
};
