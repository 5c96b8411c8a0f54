/** Every vendor's API for rerank and media that requests are translated for. To add one, add its line. */
import type { DialectId } from "../wire/call.ts";
import { rerankCodec as cohereRerank } from "./cohere/rerank.ts";
import { rerankCodec as jinaRerank } from "./jina/rerank.ts";
import type { MediaCodec } from "./media-codec.ts";
import { azureSpeech } from "./media/azure-speech.ts";
import { cloudflareImages } from "./media/cloudflare.ts";
import { dashscopeImages } from "./media/dashscope.ts";
import { elevenlabsSpeech, elevenlabsTranscription } from "./media/elevenlabs.ts";
import { geminiImages, geminiPredict } from "./media/gemini-images.ts";
import { minimaxImages } from "./media/minimax-images.ts";
import { minimaxSpeech } from "./media/minimax-speech.ts";
import { replicatePredictions } from "./media/replicate.ts";
import { stabilityImages } from "./media/stability.ts";
import { voyageRerank } from "./media/voyage.ts";

const mediaCodecs: Readonly<Partial<Record<DialectId, MediaCodec>>> = {
  "azure-speech": azureSpeech,
  "cloudflare-images": cloudflareImages,
  "cohere-v2": cohereRerank,
  "dashscope-images": dashscopeImages,
  "elevenlabs-speech": elevenlabsSpeech,
  "elevenlabs-transcription": elevenlabsTranscription,
  "gemini-content": geminiImages,
  "gemini-predict": geminiPredict,
  "jina-v1": jinaRerank,
  "minimax-images": minimaxImages,
  "minimax-speech": minimaxSpeech,
  "replicate-predictions": replicatePredictions,
  "stability-images": stabilityImages,
  "voyage-rerank": voyageRerank,
};

/** How rerank and media are translated for upstreams of a dialect; undefined: they are not. */
export function findMediaCodec(id: DialectId): MediaCodec | undefined {
  return mediaCodecs[id];
}
