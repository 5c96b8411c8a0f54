/** OpenAI's demands of Responses input (developers.openai.com: reasoning, function calling, conversation state). */
import { markOf, signatureOf } from "../fakes/scripted/turn.ts";
import { textOf } from "../fakes/scripted/turn.ts";
import { type DemandCase, type Fields, objects, repeated, unlike } from "./demand-case.ts";

const prefixes: Readonly<Record<string, string>> = {
  reasoning: "rs_",
  function_call: "fc_",
  message: "msg_",
};

/** Thoughts with their encryption, each in front of what it led to; and what it led to. */
function verbatim(
  { issued, complete, ids, heard }: DemandCase,
  items: readonly Fields[],
): string[] {
  return issued.flatMap(({ said, model }) => {
    const mark = markOf(said);
    const at = items.findIndex((item) => JSON.stringify(item).includes(mark));
    if (at === -1) return [];
    const signed = items.findIndex((item) => item["encrypted_content"] === signatureOf(said));
    const own = (complete || signed !== -1) && model === heard.model;
    const wanted = [
      ...(own && said.reasoning !== undefined ? [`reasoning ${signatureOf(said)}`] : []),
      ...(said.text === undefined ? [] : [`message ${said.text}`]),
      ...(said.calls ?? []).map(
        (call, index) =>
          `function_call ${ids ? `call_${index}_${mark}` : ""} ${JSON.stringify(call.arguments)}`,
      ),
    ];
    const start = own && signed !== -1 ? signed : at;
    const got = items.slice(start, start + wanted.length).map((item) => {
      if (item["type"] === "reasoning") return `reasoning ${String(item["encrypted_content"])}`;
      if (item["type"] === "function_call")
        return `function_call ${ids ? String(item["call_id"]) : ""} ${String(item["arguments"])}`;
      return `message ${textOf(item["content"])}`;
    });
    return unlike(`${mark} not verbatim`, got, wanted);
  });
}

function itemFaults(item: Fields, at: string): string[] {
  const { type, id, role } = item;
  const kind = String(type ?? "message");
  const prefix = prefixes[kind];
  const idFaults =
    typeof id === "string" && prefix !== undefined && !id.startsWith(prefix)
      ? [`${at}: Invalid id ${id}, expected ${prefix}`]
      : [];
  const long = [id, item["call_id"]].filter((one) => typeof one === "string" && one.length > 64);
  const parts = Array.isArray(item["content"]) ? objects(item["content"]) : [];
  const allowed = role === "assistant" ? ["output_text", "refusal"] : undefined;
  return [
    ...idFaults,
    ...long.map((one) => `${at}: id too long: ${String(one)}`),
    ...(kind === "reasoning" && !Array.isArray(item["summary"]) ? [`${at}: summary required`] : []),
    // Nothing is kept there, so that an id alone means nothing.
    ...(kind === "reasoning" && typeof item["encrypted_content"] !== "string"
      ? [`${at}: Item with id ${String(id)} not found`]
      : []),
    ...parts
      .filter((part) =>
        kind === "message"
          ? allowed === undefined
            ? !String(part["type"]).startsWith("input_")
            : !allowed.includes(String(part["type"]))
          : false,
      )
      .map((part) => `${at}: ${String(part["type"])} of ${String(role)}`),
  ];
}

/** A thought must be followed by what it led to. */
function followed(items: readonly Fields[]): string[] {
  return items.flatMap((item, index) => {
    if (item["type"] !== "reasoning") return [];
    const next = items.slice(index + 1).find(({ type }) => type !== "reasoning");
    const ok =
      next !== undefined && (next["type"] === "function_call" || next["role"] === "assistant");
    return ok ? [] : [`reasoning ${String(item["id"])} without its required following item`];
  });
}

export function responsesFaults(facts: DemandCase): string[] {
  const { body } = facts.heard;
  const items = objects(body["input"]);
  const ids = (type: string): string[] =>
    items.filter((item) => item["type"] === type).map((item) => String(item["call_id"]));
  const calls = ids("function_call");
  const results = ids("function_call_output");
  const strangers = items
    .filter(({ type }) => type === "reasoning")
    .map((item) => String(item["encrypted_content"]))
    .filter(
      (signature) =>
        !facts.issued.some(
          ({ said, model }) => signatureOf(said) === signature && model === facts.heard.model,
        ),
    );
  return [
    ...items.flatMap((item, index) => itemFaults(item, `input[${index}]`)),
    ...followed(items),
    ...verbatim(facts, items),
    ...repeated(calls),
    ...calls
      .filter((id) => !results.includes(id))
      .map((id) => `No tool output found for function call ${id}`),
    ...results
      .filter((id) => !calls.includes(id))
      .map((id) => `No tool call found for function call output ${id}`),
    ...strangers.map((signature) => `The encrypted content ${signature} could not be verified`),
    ...(body["store"] === false ? [] : ["store is not false"]),
  ];
}
