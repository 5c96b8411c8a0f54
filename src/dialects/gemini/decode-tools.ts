/** A caller's tools and the choice among them. Google's own tools (search, code, files) are noted by name. */
import type { JsonObject } from "../../core/json-value.ts";
import type { Tool, ToolChoice } from "../../wire/conversation.ts";
import {
  at,
  itemsOf,
  note,
  objectAt,
  othersOf,
  refuse,
  type Spot,
  stringAt,
  stringsAt,
  type Uses,
  wordAt,
} from "./request-spots.ts";
import { fromOpenApi } from "./schema-from-openapi.ts";
import { camelCase } from "./spelling.ts";

/** Members of a tool that search the web. */
const searches: readonly string[] = [
  "googleSearch",
  "googleSearchRetrieval",
  "enterpriseWebSearch",
  "parallelAiSearch",
  "exaAiSearch",
];

function decodeParameters(declaration: Spot): JsonObject | null {
  const plain = at(declaration, "parametersJsonSchema");
  const own = at(declaration, "parameters");
  if (plain !== undefined && own !== undefined)
    throw refuse(own, "cannot stand beside `parametersJsonSchema`; send one of them");
  if (plain !== undefined) return objectAt(plain);
  return own === undefined ? null : fromOpenApi(objectAt(own));
}

const declared: readonly string[] = ["name", "description", "parameters", "parametersJsonSchema"];

function decodeDeclaration(declaration: Spot, uses: Uses): Tool {
  const name = at(declaration, "name");
  if (name === undefined || stringAt(name) === "") throw refuse(declaration, "needs `name`");
  const description = at(declaration, "description");
  for (const other of othersOf(declaration, declared)) note(uses, "unknown-member", other);
  return {
    name: stringAt(name),
    description: description === undefined ? null : stringAt(description) || null,
    parameters: decodeParameters(declaration),
    strict: null,
  };
}

/** Functions of `tools`; a single tool stands for a list of one. */
export function decodeTools(tools: Spot, uses: Uses): readonly Tool[] {
  return itemsOf(tools).flatMap((tool) => {
    for (const other of othersOf(tool, ["functionDeclarations"])) {
      const name = camelCase(other.path.slice(tool.path.length + 1));
      note(uses, searches.includes(name) ? "web-search" : "server-tools", other);
    }
    const declarations = at(tool, "functionDeclarations");
    if (declarations === undefined) return [];
    return itemsOf(declarations).map((declaration) => decodeDeclaration(declaration, uses));
  });
}

const modes = {
  MODE_UNSPECIFIED: "auto",
  AUTO: "auto",
  ANY: "any",
  NONE: "none",
  VALIDATED: "validated",
} as const;

function decodeCalling(calling: Spot, uses: Uses): ToolChoice | null {
  const mode = at(calling, "mode");
  const word = mode === undefined ? "auto" : wordAt(mode, modes);
  const list = at(calling, "allowedFunctionNames");
  const names = list === undefined ? [] : stringsAt(list);
  const streamed = at(calling, "streamFunctionCallArguments");
  if (streamed !== undefined) note(uses, "unknown-member", streamed);
  if (mode !== undefined && word === "validated") note(uses, "strict-tools", mode);
  if (word === "none") return { kind: "none" };
  const [first] = names;
  if (list === undefined || first === undefined)
    return word === "any" ? { kind: "required" } : { kind: "auto" };
  if (word === "any" && names.length === 1) return { kind: "named", name: first };
  note(uses, "allowed-tools", list);
  return { kind: "allowed", names, required: word === "any" };
}

/** The choice that `toolConfig` makes; null: none. */
export function decodeToolConfig(config: Spot, uses: Uses): ToolChoice | null {
  const calling = at(config, "functionCallingConfig");
  for (const other of othersOf(config, ["functionCallingConfig"]))
    note(uses, "unknown-member", other);
  return calling === undefined ? null : decodeCalling(calling, uses);
}
