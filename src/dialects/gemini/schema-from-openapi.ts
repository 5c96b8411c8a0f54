/**
 * Google's own kind of schema (an OpenAPI 3.0 subset with types in capitals) as JSON Schema. Promise kept here: what
 * the schema allows stays the same; only Google's hints (order, number formats) are left out or followed.
 */
import type { Json, JsonObject } from "../../core/json-value.ts";
import { camelCase } from "./spelling.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Formats that say only how wide a number is. */
const widths: readonly unknown[] = ["int32", "int64", "float", "double", "enum"];

/** Bounds that Google writes as strings, being 64 bits wide. */
const counts: readonly string[] = [
  "minItems",
  "maxItems",
  "minLength",
  "maxLength",
  "minProperties",
  "maxProperties",
];

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function schemaOf(value: unknown): Json {
  return isFields(value) ? fromOpenApi(value) : (value as Json);
}

/** Properties in the order that the schema wishes for. */
function propertiesOf(value: Fields, ordering: unknown): JsonObject {
  const wished = Array.isArray(ordering)
    ? (ordering as unknown[]).filter(
        (name): name is string => typeof name === "string" && Object.hasOwn(value, name),
      )
    : [];
  const names = [...new Set([...wished, ...Object.keys(value)])];
  return Object.fromEntries(names.map((name) => [name, schemaOf(value[name])]));
}

function typeOf(value: unknown): string | undefined {
  return typeof value === "string" && value.toUpperCase() !== "TYPE_UNSPECIFIED"
    ? value.toLowerCase()
    : undefined;
}

type Put = (name: string, value: Json) => void;

function putMember(name: string, value: unknown, ordering: unknown, put: Put): void {
  if (value === null || value === undefined) return;
  if (name === "properties" && isFields(value)) return put(name, propertiesOf(value, ordering));
  if (name === "items" || name === "additionalProperties") return put(name, schemaOf(value));
  if (name === "anyOf" && Array.isArray(value))
    return put(name, (value as unknown[]).map(schemaOf));
  if (counts.includes(name)) return put(name, Number(value));
  if (name === "format" && widths.includes(value)) return;
  // Not JSON Schema: told otherwise above, or of no effect.
  if (["type", "nullable", "propertyOrdering", "example"].includes(name)) return;
  put(name, value as Json);
}

/** JSON Schema of a schema whose members stand in either spelling. */
export function fromOpenApi(schema: Fields): JsonObject {
  const members = Object.fromEntries(
    Object.entries(schema).map(([name, value]) => [camelCase(name), value]),
  );
  const type = typeOf(members["type"]);
  const nullable = members["nullable"] === true;
  const out: Record<string, Json> = {};
  if (type !== undefined) out["type"] = nullable ? [type, "null"] : type;
  for (const [name, value] of Object.entries(members))
    putMember(name, value, members["propertyOrdering"], (key, json) => {
      out[key] = json;
    });
  if (!nullable) return out;
  if (Array.isArray(out["enum"])) out["enum"] = [...(out["enum"] as Json[]), null];
  if (type === undefined && Array.isArray(out["anyOf"]))
    out["anyOf"] = [...(out["anyOf"] as Json[]), { type: "null" }];
  return out;
}
