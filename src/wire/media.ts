/**
 * Requests and replies beside conversation in our own shape: rerank, images, speech, transcription. Used only between
 * two different dialects: what an upstream speaks itself passes through untouched.
 */
import type { Usage } from "./usage.ts";

/** A file of a form, or one that a vendor wants as bytes. */
export interface MediaFile {
  readonly name: string;
  /** `image/png`; `application/octet-stream` where the caller does not say. */
  readonly mediaType: string;
  readonly data: Buffer;
}

export interface RerankRequest {
  readonly kind: "rerank";
  readonly model: string;
  readonly query: string;
  readonly documents: readonly string[];
  /** Results at most; null: all. */
  readonly top: number | null;
  readonly returnDocuments: boolean;
  /** Longer documents are cut; null: as the vendor does. */
  readonly maxTokensPerDocument: number | null;
}

export interface ImageRequest {
  readonly kind: "image";
  readonly model: string;
  /** `vary` has no prompt. */
  readonly action: "generate" | "edit" | "vary";
  readonly prompt: string;
  readonly negativePrompt: string | null;
  /** Images wanted. */
  readonly count: number;
  /** Null: the vendor's own (`auto`). */
  readonly size: { readonly width: number; readonly height: number } | null;
  /** In OpenAI's words; null: not said. */
  readonly quality: string | null;
  readonly style: string | null;
  readonly background: string | null;
  readonly outputFormat: "png" | "jpeg" | "webp" | null;
  /** How the caller wants them; null: either. */
  readonly deliver: "url" | "base64" | null;
  readonly seed: number | null;
  readonly images: readonly MediaFile[];
  readonly mask: MediaFile | null;
  readonly stream: boolean;
}

export interface SpeechRequest {
  readonly kind: "speech";
  readonly model: string;
  readonly input: string;
  readonly voice: string;
  readonly instructions: string | null;
  readonly format: "mp3" | "opus" | "aac" | "flac" | "wav" | "pcm";
  /** 0.25 to 4; null: not said. */
  readonly speed: number | null;
  readonly stream: boolean;
}

export interface TranscriptionRequest {
  readonly kind: "transcription";
  readonly model: string;
  readonly file: MediaFile;
  /** ISO 639-1; null: to be found out. */
  readonly language: string | null;
  readonly prompt: string | null;
  readonly temperature: number | null;
  readonly format: "json" | "text" | "srt" | "vtt" | "verbose_json";
  readonly words: boolean;
  /** Into English. */
  readonly translate: boolean;
  readonly stream: boolean;
}

export type MediaRequest = RerankRequest | ImageRequest | SpeechRequest | TranscriptionRequest;

export interface RerankReply {
  readonly kind: "rerank";
  readonly id: string | null;
  /** Best first. */
  readonly results: readonly { readonly index: number; readonly score: number }[];
  readonly model: string | null;
  readonly usage: Usage | null;
}

export interface MadeImage {
  /** Base64, or where it lies. */
  readonly source:
    | { readonly kind: "base64"; readonly data: string }
    | { readonly kind: "url"; readonly url: string };
  readonly revisedPrompt: string | null;
}

export interface ImageReply {
  readonly kind: "image";
  readonly createdAtS: number | null;
  readonly images: readonly MadeImage[];
  readonly model: string | null;
  readonly usage: Usage | null;
}

export interface SpeechReply {
  readonly kind: "speech";
  readonly mediaType: string;
  readonly audio: Buffer;
  readonly model: string | null;
  readonly usage: Usage | null;
}

export interface TimedText {
  readonly text: string;
  readonly startS: number;
  readonly endS: number;
}

export interface TranscriptionReply {
  readonly kind: "transcription";
  readonly text: string;
  readonly language: string | null;
  readonly durationS: number | null;
  readonly segments: readonly TimedText[];
  readonly words: readonly TimedText[];
  readonly model: string | null;
  readonly usage: Usage | null;
}

export type MediaReply = RerankReply | ImageReply | SpeechReply | TranscriptionReply;

/** One part of a multipart form. */
export interface FormPart {
  readonly name: string;
  /** Null: a field, not a file. */
  readonly fileName: string | null;
  /** As told; null: not told. */
  readonly mediaType: string | null;
  readonly value: Buffer;
}
