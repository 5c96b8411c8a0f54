/** Sources of statements, in Anthropic's words and in ours. */
import type { JsonObject } from "../../core/json-value.ts";
import type { Citation } from "../../wire/conversation.ts";
import { findText } from "../loose-fields.ts";

/** Reads any of the five kinds; where its statement begins and ends is not told, but for a whole block's. */
export function decodeCitation(value: JsonObject): Citation {
  return {
    url: findText(value["url"]) ?? findText(value["source"]),
    title: findText(value["title"]) ?? findText(value["document_title"]),
    citedText: findText(value["cited_text"]),
    start: null,
    end: null,
    raw: { dialect: "anthropic-messages", value },
  };
}

/** Anthropic's own as it was; others' as web search results. */
export function encodeCitation(citation: Citation): JsonObject {
  if (citation.raw?.dialect === "anthropic-messages") return citation.raw.value;
  return {
    type: "web_search_result_location",
    url: citation.url ?? "",
    title: citation.title,
    cited_text: citation.citedText ?? "",
    encrypted_index: "",
  };
}
