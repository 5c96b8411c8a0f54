/**
 * What vendors' documentation demands of the history of a conversation. A fault would be a refusal there, or a thought,
 * a signature or a cached beginning lost. Written from the documentation alone; it shares no code with the gateway.
 */
import type { DemandCase } from "./demand-case.ts";
import { chatFaults } from "./demands-chat.ts";
import { cohereFaults, ollamaFaults } from "./demands-others.ts";
import { converseFaults } from "./demands-converse.ts";
import { geminiFaults } from "./demands-gemini.ts";
import { messagesFaults } from "./demands-messages.ts";
import { responsesFaults } from "./demands-responses.ts";

export function demandsOf(facts: DemandCase): string[] {
  switch (facts.heard.api) {
    case "messages":
      return messagesFaults(facts);
    case "gemini":
      return geminiFaults(facts);
    case "responses":
      return responsesFaults(facts);
    case "chat":
      return chatFaults(facts);
    case "converse":
      return converseFaults(facts);
    case "cohere":
      return cohereFaults(facts);
    case "ollama":
      return ollamaFaults(facts);
    default:
      throw new Error(`no demands are known of ${facts.heard.api}`);
  }
}
