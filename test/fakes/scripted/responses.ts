/** A scripted upstream's side of OpenAI Responses, written from the vendor's documentation alone. */
import type { Heard, RenderedTurn, Said } from "./turn.ts";
import { asList, asObject, cut, likelihoodOf, markOf, signatureOf, textOf, usage } from "./turn.ts";

export function hearResponses(body: Heard["body"], headers: Heard["headers"]): Heard {
  const input = body["input"];
  const items =
    typeof input === "string" ? [{ role: "user", content: input }] : asList(input).map(asObject);
  const isModels = (item: Readonly<Record<string, unknown>>): boolean =>
    item["role"] === "assistant" ||
    ["function_call", "reasoning", "custom_tool_call"].includes(String(item["type"]));
  const last = items.findLastIndex(isModels);
  const choice = body["tool_choice"];
  const format = asObject(asObject(body["text"])["format"]);
  return {
    api: "responses",
    model: String(body["model"]),
    stream: body["stream"] === true,
    tools: asList(body["tools"])
      .map(asObject)
      .flatMap((tool) =>
        tool["type"] === "namespace" ? asList(tool["tools"]).map(asObject) : [tool],
      )
      .filter((tool) => tool["type"] === "function")
      .map((tool) => ({ name: String(tool["name"]), schema: asObject(tool["parameters"]) })),
    toolChoice: typeof choice === "string" ? choice : String(asObject(choice)["name"] ?? "auto"),
    userText: textOf(items.findLast((item) => asObject(item)["role"] === "user")?.["content"]),
    toolResults: items
      .slice(last + 1)
      .filter((item) => asObject(item)["type"] === "function_call_output")
      .map((item) => textOf(asObject(item)["output"])),
    format:
      format["type"] === "json_schema"
        ? asObject(format["schema"])
        : format["type"] === "json_object"
          ? {}
          : null,
    body,
    headers,
  };
}

function toldOf({ tokens = usage }: Said): object {
  return {
    input_tokens: tokens.input,
    input_tokens_details: { cached_tokens: tokens.cached, cache_write_tokens: 0 },
    output_tokens: tokens.output,
    output_tokens_details: { reasoning_tokens: tokens.reasoning },
    total_tokens: tokens.input + tokens.output,
  };
}

function likelihoods(said: Said, pieces: readonly string[]): object[] {
  if (said.logprobs !== true) return [];
  return pieces.map((token) => ({
    token,
    logprob: likelihoodOf(token),
    bytes: [...Buffer.from(token)],
    top_logprobs: [],
  }));
}

type Item = Readonly<Record<string, unknown>>;

function itemsOf(said: Said): Item[] {
  const items: Item[] = [];
  if (said.reasoning !== undefined)
    items.push({
      id: `rs_${markOf(said)}`,
      type: "reasoning",
      summary: [{ type: "summary_text", text: said.reasoning }],
      encrypted_content: said.mark === undefined ? "ENCRYPTED-REASONING" : signatureOf(said),
    });
  if (said.text !== undefined)
    items.push({
      id: `msg_${markOf(said)}`,
      type: "message",
      role: "assistant",
      status: "completed",
      content: [
        {
          type: "output_text",
          text: said.text,
          annotations: [],
          logprobs: likelihoods(said, cut(said.text)),
        },
      ],
    });
  if (said.refusal !== undefined)
    items.push({
      id: "msg_refused",
      type: "message",
      role: "assistant",
      status: "completed",
      content: [{ type: "refusal", refusal: said.refusal }],
    });
  for (const [index, call] of (said.calls ?? []).entries())
    items.push({
      id: `fc_${index}_${markOf(said)}`,
      type: "function_call",
      call_id: `call_${index}_${markOf(said)}`,
      name: call.name,
      arguments: JSON.stringify(call.arguments),
      status: "completed",
    });
  return items;
}

function statusOf(said: Said, ended: boolean): string {
  if (said.queued === true) return "queued";
  if (!ended) return "in_progress";
  return said.cutOff === true ? "incomplete" : "completed";
}

function resource(heard: Heard, said: Said, state: "in_progress" | "ended"): Item {
  const { body } = heard;
  const ended = state === "ended" && said.queued !== true;
  return {
    id: `resp_${markOf(said)}`,
    object: "response",
    created_at: 1_790_000_000,
    completed_at: ended ? 1_790_000_001 : null,
    status: statusOf(said, ended),
    incomplete_details: ended && said.cutOff === true ? { reason: "max_output_tokens" } : null,
    error: null,
    model: heard.model,
    output: ended ? itemsOf(said) : [],
    instructions: body["instructions"] ?? null,
    previous_response_id: body["previous_response_id"] ?? null,
    tools: body["tools"] ?? [],
    tool_choice: body["tool_choice"] ?? "auto",
    parallel_tool_calls: body["parallel_tool_calls"] ?? true,
    text: body["text"] ?? { format: { type: "text" } },
    reasoning: { effort: null, summary: null },
    truncation: "disabled",
    temperature: body["temperature"] ?? 1,
    top_p: body["top_p"] ?? 1,
    presence_penalty: 0,
    frequency_penalty: 0,
    top_logprobs: 0,
    max_output_tokens: body["max_output_tokens"] ?? null,
    max_tool_calls: null,
    store: body["store"] ?? true,
    background: said.queued === true,
    service_tier: "default",
    metadata: body["metadata"] ?? {},
    safety_identifier: null,
    prompt_cache_key: null,
    usage: ended ? toldOf(said) : null,
  };
}

export function sayResponses(heard: Heard, said: Said): RenderedTurn {
  const whole = resource(heard, said, "ended");
  if (!heard.stream) return { contentType: "application/json", pieces: [JSON.stringify(whole)] };
  const pieces: string[] = [];
  const tell = (type: string, values: object): void => {
    const data = { type, sequence_number: pieces.length, ...values };
    pieces.push(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  tell("response.created", { response: resource(heard, said, "in_progress") });
  tell("response.in_progress", { response: resource(heard, said, "in_progress") });
  for (const [index, item] of itemsOf(said).entries()) tellItem(tell, index, item);
  tell(said.cutOff === true ? "response.incomplete" : "response.completed", { response: whole });
  return { contentType: "text/event-stream", pieces };
}

type Tell = (type: string, values: object) => void;

function tellText(tell: Tell, at: object, part: Item): void {
  const text = String(part["text"]);
  const logprobs = asList(part["logprobs"]);
  tell("response.content_part.added", { ...at, part: { ...part, text: "", logprobs: [] } });
  for (const [index, delta] of cut(text).entries())
    tell("response.output_text.delta", {
      ...at,
      delta,
      logprobs: logprobs.slice(index, index + 1),
    });
  tell("response.output_text.done", { ...at, text, logprobs });
  tell("response.content_part.done", { ...at, part });
}

function tellRefusal(tell: Tell, at: object, part: Item): void {
  const refusal = String(part["refusal"]);
  tell("response.content_part.added", { ...at, part: { ...part, refusal: "" } });
  for (const delta of cut(refusal)) tell("response.refusal.delta", { ...at, delta });
  tell("response.refusal.done", { ...at, refusal });
  tell("response.content_part.done", { ...at, part });
}

function tellItem(tell: Tell, index: number, item: Item): void {
  const at = { item_id: item["id"], output_index: index };
  if (item["type"] === "message") {
    const part = asObject(asList(item["content"])[0]);
    tell("response.output_item.added", {
      output_index: index,
      item: { ...item, status: "in_progress", content: [] },
    });
    if (part["type"] === "refusal") tellRefusal(tell, { ...at, content_index: 0 }, part);
    else tellText(tell, { ...at, content_index: 0 }, part);
  } else if (item["type"] === "reasoning") {
    const part = asObject(asList(item["summary"])[0]);
    const text = String(part["text"]);
    tell("response.output_item.added", { output_index: index, item: { ...item, summary: [] } });
    tell("response.reasoning_summary_part.added", {
      ...at,
      summary_index: 0,
      part: { ...part, text: "" },
    });
    for (const delta of cut(text))
      tell("response.reasoning_summary_text.delta", { ...at, summary_index: 0, delta });
    tell("response.reasoning_summary_text.done", { ...at, summary_index: 0, text });
    tell("response.reasoning_summary_part.done", { ...at, summary_index: 0, part });
  } else {
    const text = String(item["arguments"]);
    tell("response.output_item.added", {
      output_index: index,
      item: { ...item, status: "in_progress", arguments: "" },
    });
    for (const delta of cut(text)) tell("response.function_call_arguments.delta", { ...at, delta });
    tell("response.function_call_arguments.done", { ...at, arguments: text, name: item["name"] });
  }
  tell("response.output_item.done", { output_index: index, item });
}
