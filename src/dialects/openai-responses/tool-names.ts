/**
 * Names of tools in namespaces: one flat name for upstreams that know no namespaces, and the way back.
 * Promise kept here: the same tool has the same flat name in every turn, so that histories and caches hold.
 */
import { createHash } from "node:crypto";
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";

/** Longest name that all vendors take. */
const maxNameLength = 64;
const hashLength = 8;
const joint = "__";

/** The flat name of a tool; plain tools keep theirs. */
export function flatName(namespace: string | null, name: string): string {
  if (namespace === null || namespace === "") return name;
  const flat = namespace.endsWith(joint) ? namespace + name : namespace + joint + name;
  if (flat.length <= maxNameLength) return flat;
  const hash = createHash("sha256").update(flat).digest("hex").slice(0, hashLength);
  return `${flat.slice(0, maxNameLength - hashLength - 1)}_${hash}`;
}

/** A tool as the caller names it. */
export interface CallerName {
  readonly name: string;
  readonly namespace: string | null;
}

/** A tool definition somewhere in a request, out of its namespace. */
export interface OfferedTool {
  readonly value: Json;
  readonly namespace: JsonObject | null;
  readonly path: string;
}

/** Items of the input that bring tools along. */
const bringers: readonly string[] = ["additional_tools", "tool_search_output"];

function spread(tools: Json | undefined, path: string): OfferedTool[] {
  if (!Array.isArray(tools)) return [];
  return (tools as readonly Json[]).flatMap((value, index): OfferedTool[] => {
    const here = `${path}[${index}]`;
    const inner = isObject(value) && value["type"] === "namespace" ? value["tools"] : undefined;
    if (!isObject(value) || !Array.isArray(inner)) return [{ value, namespace: null, path: here }];
    return (inner as readonly Json[]).map((tool, place) => ({
      value: tool,
      namespace: value,
      path: `${here}.tools[${place}]`,
    }));
  });
}

/** The name of an offered tool as its caller says it; undefined for the vendor's own tools and for nonsense. */
function callerName({ value, namespace }: OfferedTool): CallerName | undefined {
  const name = isObject(value) ? value["name"] : undefined;
  const space = namespace?.["name"] ?? null;
  if (typeof name !== "string" || (space !== null && typeof space !== "string")) return undefined;
  return { name, namespace: space };
}

/** All tools that a request offers: its own, then those that came up in its input and are not among them. */
export function offeredTools(request: JsonObject): OfferedTool[] {
  const tools = spread(request["tools"], "tools");
  const { input } = request;
  const items = Array.isArray(input) ? (input as readonly Json[]) : [];
  const brought: OfferedTool[] = [];
  for (const [index, item] of items.entries())
    if (isObject(item) && bringers.includes(String(item["type"])))
      brought.push(...spread(item["tools"], `input[${index}].tools`));
  if (brought.length === 0) return tools;
  const key = (tool: OfferedTool): string | undefined => {
    const told = callerName(tool);
    return told === undefined ? undefined : flatName(told.namespace, told.name);
  };
  const seen = new Set(tools.map(key));
  for (const tool of brought) {
    const name = key(tool);
    if (name === undefined || seen.has(name)) continue;
    seen.add(name);
    tools.push(tool);
  }
  return tools;
}

/** How callers name the tools that upstreams know by flat names; plain ones are not in it. */
export function callerNames(request: JsonObject): ReadonlyMap<string, CallerName> {
  const names = new Map<string, CallerName>();
  for (const tool of offeredTools(request)) {
    const told = callerName(tool);
    if (told !== undefined && told.namespace !== null)
      names.set(flatName(told.namespace, told.name), told);
  }
  return names;
}
