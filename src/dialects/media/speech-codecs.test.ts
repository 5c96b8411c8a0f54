/** Speech and transcripts of vendors: what is sent to each, what is read of each, and what none of them is asked. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { GatewayError } from "../../core/errors.ts";
import type { SpeechRequest, TranscriptionRequest } from "../../wire/media.ts";
import type { MediaCodec } from "../media-codec.ts";
import { azureSpeech } from "./azure-speech.ts";
import { elevenlabsSpeech, elevenlabsTranscription } from "./elevenlabs.ts";
import { minimaxSpeech } from "./minimax-speech.ts";

const speech: SpeechRequest = {
  kind: "speech",
  model: "asked",
  input: "Hi",
  voice: "alloy",
  instructions: null,
  format: "mp3",
  speed: null,
  stream: false,
};
const target = { model: "sent", settings: {} };
const mapped = { model: "sent", settings: { voices: "echo=e1, alloy=a-1" } };

function refusal(codec: MediaCodec, request: SpeechRequest | TranscriptionRequest): string {
  try {
    codec.encodeRequest(request, target);
  } catch (error) {
    if (error instanceof GatewayError && error.kind === "invalid_request")
      return error.fields[0]?.field ?? "";
    throw error;
  }
  return "taken";
}

test("ElevenLabs: the voice in the path, the format in the query, audio as it comes", () => {
  const encoded = elevenlabsSpeech.encodeRequest({ ...speech, speed: 1.1 }, mapped);
  assert.deepEqual(encoded, {
    path: { voice: "a-1" },
    query: { output_format: "mp3_44100_128" },
    body: {
      kind: "json",
      value: { text: "Hi", model_id: "sent", voice_settings: { speed: 1.1 } },
    },
    bytesBack: { mediaType: "audio/mpeg", usage: null },
  });
  assert.equal(refusal(elevenlabsSpeech, { ...speech, format: "flac" }), "response_format");
});

test("Azure: text as SSML that no text can break out of", () => {
  const hostile = `</voice><voice name="x">& "q" 'a'\u0000\uFFFE\ud800`;
  const encoded = azureSpeech.encodeRequest({ ...speech, input: hostile, speed: 1.5 }, target);
  assert.equal(encoded.headers?.["x-microsoft-outputformat"], "audio-24khz-96kbitrate-mono-mp3");
  assert.ok(encoded.body.kind === "bytes");
  assert.equal(encoded.body.contentType, "application/ssml+xml");
  assert.equal(
    encoded.body.data.toString(),
    '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-US">' +
      '<voice name="en-US-AlloyMultilingualNeural"><prosody rate="1.5">' +
      "&lt;/voice&gt;&lt;voice name=&quot;x&quot;&gt;&amp; &quot;q&quot; &apos;a&apos;\uFFFD" +
      "</prosody></voice></speak>",
  );
  assert.equal(refusal(azureSpeech, { ...speech, voice: 'de-DE-X"/>' }), "taken");
  assert.equal(refusal(azureSpeech, { ...speech, voice: "nobody" }), "voice");
  assert.equal(refusal(azureSpeech, { ...speech, speed: 3 }), "speed");
});

test("MiniMax: audio in hexadecimal, errors under a status of success", () => {
  const encoded = minimaxSpeech.encodeRequest(speech, mapped);
  assert.deepEqual(encoded.body, {
    kind: "json",
    value: {
      model: "sent",
      text: "Hi",
      stream: false,
      output_format: "hex",
      voice_setting: { voice_id: "a-1", speed: 1, vol: 1, pitch: 0 },
      audio_setting: { format: "mp3", sample_rate: 32_000, bitrate: 128_000, channel: 1 },
    },
  });
  const read = (value: object): ReturnType<MediaCodec["decodeReply"]> =>
    minimaxSpeech.decodeReply(
      { headers: {}, body: Buffer.from(JSON.stringify(value)) },
      { request: speech, target },
    );
  const told = read({
    data: { audio: "494433", status: 2 },
    extra_info: { usage_characters: 2 },
    base_resp: { status_code: 0, status_msg: "success" },
  });
  assert.ok(told.kind === "reply" && told.reply.kind === "speech");
  assert.equal(told.reply.audio.toString(), "ID3");
  assert.deepEqual(told.reply.usage?.kinds, { characters: 2 });
  const failed = read({ base_resp: { status_code: 1002, status_msg: "rate limit" } });
  assert.deepEqual(failed, {
    kind: "failed",
    error: { message: "rate limit", type: null, code: "1002", status: 429 },
  });
  assert.throws(() => read({ base_resp: { status_code: 0 } }), /no audio/);
});

const transcription: TranscriptionRequest = {
  kind: "transcription",
  model: "asked",
  file: { name: "a.mp3", mediaType: "audio/mpeg", data: Buffer.from("ID3") },
  language: "de",
  prompt: null,
  temperature: 0,
  format: "json",
  words: false,
  translate: false,
  stream: false,
};

test("ElevenLabs: a transcript asked as a form", () => {
  const { body } = elevenlabsTranscription.encodeRequest(transcription, target);
  assert.ok(body.kind === "form");
  assert.deepEqual(
    body.parts.map(({ name, fileName, value }) => [name, fileName, value.toString()]),
    [
      ["model_id", null, "sent"],
      ["language_code", null, "de"],
      ["temperature", null, "0"],
      ["timestamps_granularity", null, "word"],
      ["file", "a.mp3", "ID3"],
    ],
  );
  assert.equal(refusal(elevenlabsTranscription, { ...transcription, translate: true }), "model");
});

const recorded = new URL(
  "../../../../shared/fixtures/vendor/elevenlabs/elevenlabs-transcription.json",
  import.meta.url,
);

test(
  "ElevenLabs: a recorded transcript is read",
  { skip: !existsSync(recorded) && "the recordings are not beside this checkout" },
  () => {
    const body = readFileSync(recorded);
    const decoded = elevenlabsTranscription.decodeReply(
      { headers: {}, body },
      { request: transcription, target },
    );
    assert.ok(decoded.kind === "reply" && decoded.reply.kind === "transcription");
    const { text, words, language, durationS } = decoded.reply;
    assert.equal(text, "Hello from the Vercel AI SDK.");
    assert.equal(language, "eng");
    assert.equal(words.map((word) => word.text).join(" "), text);
    assert.ok(durationS !== null && durationS > 1.5);
    assert.deepEqual(decoded.reply.usage?.kinds, { seconds: durationS });
  },
);
