/** OpenRouter's own way to tell thoughts, as its documentation has it: `reasoning` and `reasoning_details`. */
import type { Pieces, Said } from "../fakes/scripted/turn.ts";
import { asList, asObject, signatureOf } from "../fakes/scripted/turn.ts";

type Obj = Record<string, unknown>;

const format = "anthropic-claude-v1";

function detail(text: string, signature: string | null): Obj {
  return { type: "reasoning.text", text, signature, id: null, format, index: 0 };
}

/** The detail as the vendor wants it back. */
export function wantedDetail(said: Said): Obj {
  return detail(said.reasoning ?? "", signatureOf(said));
}

function reworded(message: Obj, said: Said, streamed: boolean): Obj {
  const { reasoning_content: text, ...rest } = message;
  if (typeof text !== "string") return message;
  const signature = streamed ? null : signatureOf(said);
  return { ...rest, reasoning: text, reasoning_details: [detail(text, signature)] };
}

/** Pieces of chat completions, in whole JSON events, with thoughts told as OpenRouter does. */
export function openrouterPieces(pieces: Pieces, said: Said): Pieces {
  let signed = false;
  return pieces.map((piece) => {
    const text = String(piece);
    const streamed = text.startsWith("data: ");
    if (text.includes("[DONE]")) return text;
    const value = asObject(JSON.parse(streamed ? text.slice(6) : text));
    const choices = asList(value["choices"])
      .map(asObject)
      .map((choice): Obj => {
        const name = streamed ? "delta" : "message";
        const message = asObject(choice[name]);
        const ends = streamed && !signed && said.reasoning !== undefined;
        const isThought = typeof message["reasoning_content"] === "string";
        const starts = message["role"] !== undefined;
        if (ends && !isThought && !starts) {
          // The signature comes by itself behind the last thought, before anything else.
          signed = true;
          return {
            ...choice,
            [name]: { ...message, reasoning_details: [detail("", signatureOf(said))] },
          };
        }
        return { ...choice, [name]: reworded(message, said, streamed) };
      });
    const rendered = JSON.stringify({ ...value, choices });
    return streamed ? `data: ${rendered}\n\n` : rendered;
  });
}
