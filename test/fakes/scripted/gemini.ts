/** A scripted upstream's side of Gemini's generateContent, written from the vendor's documentation alone. */
import type { Heard, RenderedTurn, Said } from "./turn.ts";
import { asList, asObject, cut, likelihoodOf, markOf, signatureOf, textOf, usage } from "./turn.ts";

export interface GeminiPath {
  readonly model: string;
  readonly stream: boolean;
}

export function hearGemini(
  body: Heard["body"],
  headers: Heard["headers"],
  path: GeminiPath,
): Heard {
  const contents = asList(body["contents"]).map(asObject);
  const last = contents.findLastIndex((content) => content["role"] === "model");
  const after = contents
    .slice(last + 1)
    .flatMap((content) => asList(content["parts"]).map(asObject));
  const users = contents.filter((content) => content["role"] !== "model");
  const calling = asObject(asObject(body["toolConfig"])["functionCallingConfig"]);
  const allowed = asList(calling["allowedFunctionNames"]);
  const mode = String(calling["mode"] ?? "AUTO");
  const generation = asObject(body["generationConfig"]);
  return {
    api: "gemini",
    model: path.model,
    stream: path.stream,
    tools: asList(body["tools"])
      .flatMap((tool) => asList(asObject(tool)["functionDeclarations"]))
      .map(asObject)
      .map((tool) => ({
        name: String(tool["name"]),
        // Either spelling is Google's.
        schema: asObject(
          tool["parametersJsonSchema"] ?? tool["parameters_json_schema"] ?? tool["parameters"],
        ),
      })),
    toolChoice:
      mode === "NONE"
        ? "none"
        : mode !== "ANY"
          ? "auto"
          : allowed.length === 1
            ? String(allowed[0])
            : "required",
    userText: textOf(asList(users.at(-1)?.["parts"])),
    toolResults: after
      .filter((part) => "functionResponse" in part)
      .map((part) => JSON.stringify(asObject(part["functionResponse"])["response"])),
    format:
      generation["responseMimeType"] !== "application/json"
        ? null
        : asObject(generation["responseJsonSchema"] ?? generation["responseSchema"]),
    body,
    headers,
  };
}

function toldOf({ tokens = usage }: Said): object {
  return {
    promptTokenCount: tokens.input,
    cachedContentTokenCount: tokens.cached,
    candidatesTokenCount: tokens.output - tokens.reasoning,
    thoughtsTokenCount: tokens.reasoning,
    totalTokenCount: tokens.input + tokens.output,
  };
}

function likelihoods(said: Said, pieces: readonly string[]): object {
  if (said.logprobs !== true) return {};
  const chosen = pieces.map((token) => ({ token, logProbability: likelihoodOf(token) }));
  return { logprobsResult: { chosenCandidates: chosen } };
}

type Part = Readonly<Record<string, unknown>>;

/** Models of the third generation give calls ids. */
function callParts(said: Said, model: string): Part[] {
  const named = said.mark !== undefined && model.includes("gemini-3");
  return (said.calls ?? []).map((call, index) => ({
    functionCall: {
      ...(named ? { id: `gem_${index}_${markOf(said)}` } : {}),
      name: call.name,
      args: call.arguments,
    },
    ...(index === 0 ? { thoughtSignature: signatureOf(said) } : {}),
  }));
}

/** Where nothing is called the signature comes with the last part. */
function textSignature(said: Said): Part {
  const signs = said.mark !== undefined && (said.calls ?? []).length === 0;
  return signs ? { thoughtSignature: signatureOf(said) } : {};
}

export function sayGemini(heard: Heard, said: Said): RenderedTurn {
  const refused = said.refusal === undefined ? "STOP" : "SAFETY";
  const finishReason = said.cutOff === true ? "MAX_TOKENS" : refused;
  const chunk = (parts: readonly Part[], more: object = {}): object => ({
    candidates: Array.from({ length: said.choices ?? 1 }, (_, index) => ({
      content: { parts, role: "model" },
      index,
      ...more,
    })),
    usageMetadata: toldOf(said),
    modelVersion: heard.model,
    responseId: "scripted",
  });
  if (!heard.stream) {
    const parts: Part[] = [];
    if (said.reasoning !== undefined) parts.push({ text: said.reasoning, thought: true });
    if (said.text !== undefined) parts.push({ text: said.text, ...textSignature(said) });
    const more = { finishReason, ...likelihoods(said, cut(said.text ?? "")) };
    const whole = chunk([...parts, ...callParts(said, heard.model)], more);
    return { contentType: "application/json; charset=UTF-8", pieces: [JSON.stringify(whole)] };
  }
  const event = (value: object): string => `data: ${JSON.stringify(value)}\r\n\r\n`;
  const pieces: string[] = [];
  for (const text of cut(said.reasoning ?? ""))
    pieces.push(event(chunk([{ text, thought: true }])));
  for (const text of cut(said.text ?? ""))
    pieces.push(event(chunk([{ text }], likelihoods(said, [text]))));
  for (const part of callParts(said, heard.model)) pieces.push(event(chunk([part])));
  pieces.push(event(chunk([{ text: "", ...textSignature(said) }], { finishReason })));
  return { contentType: "text/event-stream", pieces };
}
