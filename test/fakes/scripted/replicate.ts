/** A scripted upstream's side of Replicate's /v1/predictions, written from the vendor's documentation alone. */
import type { Heard, RenderedTurn, Said } from "./turn.ts";
import { asObject, cut, usage } from "./turn.ts";

/** A prompt as its writer means it: what stands before the first speaker, and what each says. */
export interface Script {
  readonly head: string;
  readonly turns: readonly { readonly role: "user" | "assistant"; readonly text: string }[];
}

export function readScript(prompt: string): Script {
  const pieces = prompt.split(/(?:^|\n\n)(User|Assistant):(?: |$)/u);
  const [head = "", ...told] = pieces;
  if (told.length === 0) return { head: "", turns: [{ role: "user", text: head }] };
  const turns = told.flatMap((word, index) =>
    index % 2 === 1
      ? []
      : [
          {
            role: word === "User" ? ("user" as const) : ("assistant" as const),
            text: told[index + 1] ?? "",
          },
        ],
  );
  return { head, turns: turns.filter(({ text }) => text !== "") };
}

export function hearReplicate(body: Heard["body"], headers: Heard["headers"]): Heard {
  const { turns } = readScript(String(asObject(body["input"])["prompt"] ?? ""));
  return {
    api: "replicate",
    model: String(body["version"]),
    // Streams lie elsewhere: what is posted is answered whole.
    stream: false,
    tools: [],
    toolChoice: "none",
    userText: turns.findLast(({ role }) => role === "user")?.text ?? "",
    toolResults: [],
    format: null,
    body,
    headers,
  };
}

export function sayReplicate(heard: Heard, said: Said): RenderedTurn {
  const id = "rrr4z55ocneqzikepnug6xezpe";
  const api = `https://api.replicate.com/v1/predictions/${id}`;
  const tokens = said.tokens ?? usage;
  const thoughts =
    said.reasoning === undefined ? [] : ["<think>\n", said.reasoning, "\n</think>\n"];
  const prediction = {
    id,
    model: heard.model,
    version: "hidden",
    input: heard.body["input"],
    logs: "",
    output: [...thoughts, ...cut(said.text ?? "")],
    data_removed: false,
    error: null,
    source: "api",
    status: "succeeded",
    created_at: "2026-09-21T14:13:20.000Z",
    started_at: "2026-09-21T14:13:20.100Z",
    completed_at: "2026-09-21T14:13:21.000Z",
    urls: { cancel: `${api}/cancel`, get: api, stream: "https://stream.replicate.com/v1/files/x" },
    metrics: {
      input_token_count: tokens.input,
      output_token_count: tokens.output,
      predict_time: 0.9,
      time_to_first_token: 0.1,
      tokens_per_second: 37.7,
      total_time: 1,
    },
  };
  return { contentType: "application/json", pieces: cut(JSON.stringify(prediction), 200) };
}
