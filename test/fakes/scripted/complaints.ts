/** What each API refuses that a careless client sends; from the vendors' documentation and recorded refusals. */
import { historyOf } from "./history.ts";
import type { Heard, ScriptedApi } from "./turn.ts";
import { asList, asObject } from "./turn.ts";

type Obj = Readonly<Record<string, unknown>>;

const objects = (value: unknown): Obj[] => asList(value).map(asObject);

/** Members that an API has at the top of its body; anything else is refused by those that refuse. */
const closed: Readonly<Partial<Record<ScriptedApi, readonly string[]>>> = {
  messages: [
    ..."model max_tokens messages system stop_sequences stream thinking output_config tools".split(
      " ",
    ),
    ..."tool_choice metadata service_tier temperature top_p top_k container mcp_servers".split(" "),
    ..."context_management cache_control anthropic_version anthropic_beta".split(" "),
  ],
  gemini: [
    ..."contents systemInstruction tools toolConfig safetySettings generationConfig".split(" "),
    ..."cachedContent labels serviceTier store model".split(" "),
  ],
  converse: [
    ..."messages system inferenceConfig toolConfig guardrailConfig additionalModelRequestFields".split(
      " ",
    ),
    ..."promptVariables additionalModelResponseFieldPaths requestMetadata performanceConfig".split(
      " ",
    ),
    ..."serviceTier outputConfig".split(" "),
  ],
};

/** Roles take turns and the user begins. */
function turns(messages: readonly Obj[], assistant: string): string | undefined {
  const roles = messages.map(({ role }) => role).filter((role) => role !== "system");
  if (roles[0] !== "user") return `the first message must be from the user, not ${roles[0]}`;
  const at = roles.findIndex((role, index) => index > 0 && role === roles[index - 1]);
  if (at !== -1) return `roles must alternate: two of ${roles[at]} in a row`;
  const strange = roles.find((role) => role !== "user" && role !== assistant);
  return strange === undefined ? undefined : `no such role: ${String(strange)}`;
}

function emptyText(body: Obj): string | undefined {
  const blocks = objects(body["messages"]).flatMap(({ content }) => objects(content));
  const empty = blocks.some(
    (block) => block["text"] === "" && (block["type"] ?? "text") === "text",
  );
  return empty ? "text content blocks must be non-empty" : undefined;
}

const rules: Readonly<Record<ScriptedApi, (body: Obj) => string | undefined>> = {
  chat: (body) => (objects(body["messages"]).length === 0 ? "messages is required" : undefined),
  cohere: (body) => (objects(body["messages"]).length === 0 ? "messages is required" : undefined),
  ollama: () => undefined,
  coze: (body) =>
    typeof body["bot_id"] === "string" && typeof body["user_id"] === "string"
      ? undefined
      : "field bot_id or user_id is missing",
  replicate: (body) =>
    typeof body["version"] === "string" && typeof asObject(body["input"])["prompt"] === "string"
      ? undefined
      : "version or input is missing",
  responses: (body) => (body["input"] === undefined ? "input is required" : undefined),
  messages: (body) =>
    typeof body["max_tokens"] === "number"
      ? (turns(objects(body["messages"]), "assistant") ?? emptyText(body))
      : "max_tokens: Field required",
  gemini: (body) => turns(objects(body["contents"]), "model"),
  converse: (body) => {
    const { calls, results } = historyOf({ api: "converse", body });
    if (calls.length + results.length > 0 && body["toolConfig"] === undefined)
      return "The toolConfig field must be defined when using toolUse and toolResult content blocks";
    return turns(objects(body["messages"]), "assistant") ?? emptyText(body);
  },
};

/** What the API would say to a request that it refuses; undefined: it takes it. */
export function complaintOf(heard: Pick<Heard, "api" | "body">): string | undefined {
  const { api, body } = heard;
  const known = closed[api];
  const unknown = Object.keys(body).find((name) => known?.includes(name) === false);
  if (unknown !== undefined) return `${unknown}: Extra inputs are not permitted`;
  const { calls, results } = historyOf(heard);
  const orphan = results.find((id) => !calls.includes(id));
  if (orphan !== undefined) return `no tool call is answered by ${orphan}`;
  const open = calls.find((id) => !results.includes(id));
  if (open !== undefined) return `the tool call ${open} has no result`;
  return rules[api](body);
}
