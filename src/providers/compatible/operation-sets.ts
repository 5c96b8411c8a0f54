/** What vendors with OpenAI's API commonly serve of it. */
import type { UpstreamOperation } from "../contract.ts";

type Operations = readonly UpstreamOperation[];

export const chatAndCompletions: Operations = ["chat", "completions"];
export const chatAndEmbeddings: Operations = ["chat", "embeddings"];
export const text: Operations = ["chat", "completions", "embeddings"];
export const textAndRerank: Operations = [...text, "rerank"];
/** All that OpenAI's own API serves but the Responses. */
export const everything: Operations = [
  ...text,
  "moderations",
  "image-generation",
  "image-edit",
  "image-variation",
  "speech",
  "transcription",
  "translation",
  "realtime",
];
