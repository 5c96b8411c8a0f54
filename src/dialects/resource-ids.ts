/**
 * Where ids of things that outlive a call stand in bodies and replies: the one table of it.
 * Promise kept here: what a caller or a model wrote freely (arguments, schemas, metadata) is never taken for an id.
 */
import type { FrontId, Operation, ResourceKind } from "../wire/call.ts";

export interface IdRules {
  /**
   * What a string stands for, by the member it is the value of (or a list's element), at any depth; with a slash in
   * front by its whole path.
   */
  readonly members: Readonly<Record<string, ResourceKind>>;
  /** Members below which nothing is an id. */
  readonly opaque: readonly string[];
  /** A body without any of these texts holds no id that we did not seal. */
  readonly needles: readonly string[];
}

const openaiOpaque = ["metadata", "parameters", "schema", "attributes", "filters", "headers"];

const openai: IdRules = {
  members: {
    file_id: "file",
    file_ids: "file",
    input_file_id: "file",
    output_file_id: "file",
    error_file_id: "file",
    training_file: "file",
    validation_file: "file",
    result_files: "file",
    // The file that an upload became.
    "/file/id": "file",
    part_ids: "upload-part",
    upload_id: "upload",
    container: "container",
    container_id: "container",
    vector_store_id: "vector-store",
    vector_store_ids: "vector-store",
    previous_response_id: "response",
    "/conversation": "conversation",
    "/conversation/id": "conversation",
    "/response/conversation/id": "conversation",
  },
  opaque: openaiOpaque,
  needles: [
    "file",
    "container",
    "vector_store",
    "part_ids",
    "previous_response_id",
    "conversation",
  ],
};

/** Chat names files alone, and many a message speaks of files and containers. */
const openaiChat: IdRules = {
  members: { file_id: "file" },
  opaque: openaiOpaque,
  needles: ["file_id"],
};

const openaiResponses: IdRules = {
  ...openai,
  needles: ["file_id", "container", "vector_store_id", "previous_response_id", "conversation"],
};

const anthropic: IdRules = {
  members: {
    file_id: "file",
    "/container": "container",
    "/container/id": "container",
    "/message/container/id": "container",
    "/delta/container/id": "container",
    "/requests/params/container": "container",
    "/requests/params/container/id": "container",
    results_url: "batch",
  },
  opaque: ["input", "input_schema", "metadata", "schema"],
  needles: ["file_id", '"container"'],
};

const gemini: IdRules = {
  members: {
    fileUri: "file",
    file_uri: "file",
    cachedContent: "cached-content",
    cached_content: "cached-content",
    "/uri": "file",
    "/file/uri": "file",
    "/files/uri": "file",
    "/downloadUri": "file",
    "/file/downloadUri": "file",
    "/files/downloadUri": "file",
  },
  opaque: [
    "args",
    "response",
    "parameters",
    "parametersJsonSchema",
    "parameters_json_schema",
    "responseSchema",
    "response_schema",
    "responseJsonSchema",
    "response_json_schema",
    "labels",
  ],
  needles: ["ileUri", "ile_uri", "cachedContent", "cached_content"],
};

const conversing: readonly Operation[] = ["chat", "count-tokens", "compact"];

const ofConversations: Readonly<Partial<Record<FrontId, IdRules>>> = {
  "openai-chat": openaiChat,
  "openai-responses": openaiResponses,
  "anthropic-messages": anthropic,
  "gemini-content": gemini,
};

const ofMedia: IdRules = { ...openaiChat };

const ofResources: Readonly<Partial<Record<FrontId, IdRules>>> = {
  "openai-chat": openai,
  "openai-responses": openai,
  "anthropic-messages": anthropic,
  "gemini-content": gemini,
};

/** Of bodies and replies of an operation that names a model; undefined: they hold no ids. */
export function idRulesOf(dialect: FrontId, operation: Operation): IdRules | undefined {
  if (dialect === "openai-media") return ofMedia;
  return conversing.includes(operation) ? ofConversations[dialect] : undefined;
}

/** Of bodies and replies on the paths of things that outlive a call. `made`: what the reply itself is. */
export function resourceRulesOf(dialect: FrontId, made: ResourceKind | undefined): IdRules {
  const rules = ofResources[dialect] ?? openai;
  if (made === undefined) return rules;
  const own =
    dialect === "gemini-content" ? geminiNames : ["/id", "/data/id", "/first_id", "/last_id"];
  return {
    ...rules,
    members: { ...rules.members, ...Object.fromEntries(own.map((path) => [path, made])) },
  };
}

const geminiNames = ["/name", "/file/name", "/files/name", "/cachedContents/name"];

const keptMembers = {
  "/id": "response",
  "/response/id": "response",
  "/item_id": "item",
  "/item/id": "item",
  "/output/id": "item",
  "/response/output/id": "item",
} as const satisfies IdRules["members"];

/** Rules of response objects and of the events that tell them. `kept`: whether the vendor keeps them. */
export function responseRules(kept: boolean): IdRules {
  if (!kept) return openaiResponses;
  return { ...openaiResponses, members: { ...openaiResponses.members, ...keptMembers } };
}

/** What a string is to these rules; `path` as walkStrings tells it. */
export function kindAt(rules: IdRules, path: readonly string[]): ResourceKind | undefined {
  const { members } = rules;
  const name = path.at(-1) ?? "";
  if (Object.hasOwn(members, name)) return members[name];
  const whole = `/${path.join("/")}`;
  return Object.hasOwn(members, whole) ? members[whole] : undefined;
}

/** How an id stands in a string: some are the end of a URL. */
export interface PlacedId {
  readonly before: string;
  readonly id: string;
  readonly behind: string;
}

/** The id in a string; undefined: the string names none (a URL of somewhere else, nothing at all). */
export function idIn(
  dialect: FrontId,
  path: readonly string[],
  text: string,
): PlacedId | undefined {
  if (text === "") return undefined;
  const name = path.at(-1) ?? "";
  if (name === "results_url") return resultsIn(text);
  const isUrl = dialect === "gemini-content" && /uri$/i.test(name);
  if (!isUrl) return { before: "", id: text, behind: "" };
  const found = /^((?:.*\/)?)(files\/[^/?#:]+)((?:[:?#].*)?)$/.exec(text);
  return found === null
    ? undefined
    : { before: found[1] ?? "", id: found[2] ?? "", behind: found[3] ?? "" };
}

/** Clients follow this URL as it is told: it must lead here, not to the vendor. */
function resultsIn(text: string): PlacedId | undefined {
  const [, id] = /\/batches\/([^/?#]+)\/results$/.exec(text) ?? [];
  return id === undefined ? undefined : { before: "/v1/messages/batches/", id, behind: "/results" };
}
