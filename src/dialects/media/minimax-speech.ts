/** MiniMax's speech (`/v1/t2a_v2`): audio in hexadecimal, errors under a status of success. */
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { SpeechRequest } from "../../wire/media.ts";
import { unitUsage } from "../make-usage.ts";
import type { MediaCodec } from "../media-codec.ts";
import { parseObject } from "../parse-object.ts";
import { asKind, cannot, objectIn } from "./cannot.ts";
import { minimaxError } from "./minimax-error.ts";
import { decodeVendorError } from "./vendor-error.ts";
import { voiceFor } from "./voices.ts";

/** platform.minimax.io/docs/api-reference/speech-t2a-http, `audio_setting.format`. */
const mediaTypes: Readonly<Record<SpeechRequest["format"], string | null>> = {
  mp3: "audio/mpeg",
  wav: "audio/wav",
  flac: "audio/flac",
  pcm: "audio/pcm",
  opus: null,
  aac: null,
};

function encode(speech: SpeechRequest, model: string, voice: string): JsonObject {
  return {
    model,
    text: speech.input,
    stream: false,
    output_format: "hex",
    voice_setting: { voice_id: voice, speed: speech.speed ?? 1, vol: 1, pitch: 0 },
    audio_setting: { format: speech.format, sample_rate: 32_000, bitrate: 128_000, channel: 1 },
  };
}

export const minimaxSpeech: MediaCodec = {
  serves: ["speech"],
  encodeRequest: (request, { model, settings }) => {
    const speech = asKind(request, "speech");
    if (mediaTypes[speech.format] === null)
      throw cannot("response_format", `This voice cannot be had as ${speech.format}; ask for mp3`);
    const value = encode(speech, model, voiceFor(speech.voice, settings));
    return { body: { kind: "json", value } };
  },
  decodeReply: ({ body }, { request }) => {
    const fields = parseObject(body);
    const error = minimaxError(fields);
    if (error !== undefined) return { kind: "failed", error };
    const hex = objectIn(fields["data"])["audio"];
    if (typeof hex !== "string" || hex === "")
      throw new GatewayError("upstream_invalid", "the reply holds no audio");
    const characters = objectIn(fields["extra_info"])["usage_characters"];
    return {
      kind: "reply",
      reply: {
        kind: "speech",
        mediaType: mediaTypes[asKind(request, "speech").format] ?? "audio/mpeg",
        audio: Buffer.from(hex, "hex"),
        model: null,
        usage: typeof characters === "number" ? unitUsage({ characters }) : null,
      },
    };
  },
  decodeError: decodeVendorError,
};
