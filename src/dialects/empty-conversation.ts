/** A conversation in which nothing is said and nothing wished, for those who build one of a few members. */
import type { Conversation } from "../wire/conversation.ts";

export const emptyConversation: Conversation = {
  model: "",
  stream: false,
  system: [],
  messages: [],
  tools: [],
  toolChoice: null,
  parallelToolCalls: null,
  sampling: {},
  maxOutputTokens: null,
  reasoning: null,
  responseFormat: null,
  verbosity: null,
  serviceTier: null,
  endUser: null,
  metadata: null,
  cacheKey: null,
  modalities: [],
  audio: null,
  uses: [],
};
