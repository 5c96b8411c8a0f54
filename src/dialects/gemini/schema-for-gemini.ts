/**
 * JSON Schema as Google takes it (`parametersJsonSchema`, `responseJsonSchema`): a subset. Promise kept here: what can
 * be said in the subset is said; keywords it lacks are left out, which only ever allows more.
 */
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";

/** Keywords that are taken as they are. */
const plain: readonly string[] = [
  "$id",
  "$ref",
  "$anchor",
  "type",
  "format",
  "title",
  "description",
  "enum",
  "minItems",
  "maxItems",
  "minimum",
  "maximum",
  "required",
  "propertyOrdering",
];

/** Keywords that hold one schema, a list of them, or a table of them. */
const single: readonly string[] = ["items", "additionalProperties"];
const lists: readonly string[] = ["prefixItems", "anyOf", "oneOf"];
const tables: readonly string[] = ["properties", "$defs", "definitions"];

function cleanValue(value: Json): Json {
  return isObject(value) ? cleanSchema(value) : value;
}

function cleanTable(value: Json): Json {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).map(([name, schema]) => [name, cleanValue(schema)]),
  );
}

/** Older schemas keep what they refer to under another name. */
function movedReference(reference: Json): Json {
  return typeof reference === "string"
    ? reference.replace(/^#\/definitions\//, "#/$defs/")
    : reference;
}

function cleanMember(name: string, value: Json): readonly [string, Json] | undefined {
  if (name === "$ref") return [name, movedReference(value)];
  if (name === "const") return ["enum", [value]];
  if (plain.includes(name)) return [name, value];
  if (single.includes(name)) return [name, cleanValue(value)];
  if (lists.includes(name) && Array.isArray(value))
    return [name, (value as readonly Json[]).map(cleanValue)];
  if (tables.includes(name)) return [name === "definitions" ? "$defs" : name, cleanTable(value)];
  return undefined;
}

/** `allOf` of one schema says what the schema says; more of them cannot be told. */
function withoutAllOf(schema: JsonObject): JsonObject {
  const all = schema["allOf"];
  if (!Array.isArray(all) || all.length !== 1) return schema;
  const [only] = all as readonly Json[];
  return isObject(only) ? { ...only, ...schema } : schema;
}

/** The schema in the subset. */
export function cleanSchema(given: JsonObject): JsonObject {
  const schema = withoutAllOf(given);
  const refers = typeof schema["$ref"] === "string";
  const out: Record<string, Json> = {};
  for (const [name, value] of Object.entries(schema)) {
    // Beside a reference only members that begin with `$` may stand.
    if (refers && !name.startsWith("$") && name !== "definitions") continue;
    const member = cleanMember(name, value);
    if (member !== undefined) out[member[0]] = member[1];
  }
  return out;
}

/** Parameters of a function; undefined where it takes none, which Google wants left out. */
export function cleanParameters(schema: JsonObject | null): JsonObject | undefined {
  if (schema === null) return undefined;
  const cleaned = cleanSchema(schema);
  const properties = cleaned["properties"];
  const none = !isObject(properties) || Object.keys(properties).length === 0;
  const open =
    isObject(cleaned["additionalProperties"]) || cleaned["additionalProperties"] === true;
  const elsewhere = cleaned["$ref"] !== undefined || cleaned["anyOf"] !== undefined;
  return none && !open && !elsewhere && cleaned["oneOf"] === undefined ? undefined : cleaned;
}
