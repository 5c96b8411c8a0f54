/**
 * Makes JSON Schemas fit for structured output, which knows only part of the standard: what a schema says beyond it
 * is told in its description. Promise kept here: a schema of another vendor's strict mode is not refused.
 */
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";

const stringFormats: readonly Json[] = [
  "date-time",
  "time",
  "date",
  "duration",
  "email",
  "hostname",
  "uri",
  "ipv4",
  "ipv6",
  "uuid",
];

/** Members that go on as they are. */
const plainMembers = ["type", "title", "enum", "const", "default", "required", "$ref"];

function fitAny(value: Json): Json {
  return isObject(value) ? fitSchema(value) : value;
}

function fitEach(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fitAny(item)]));
}

/** The member as it is sent; undefined where it can only be told in words. */
function fitMember(name: string, value: Json): readonly [string, Json] | undefined {
  if (plainMembers.includes(name)) return [name, value];
  if (name === "properties" || name === "$defs" || name === "definitions")
    return isObject(value) ? [name, fitEach(value)] : undefined;
  if (name === "items") return isObject(value) ? [name, fitSchema(value)] : undefined;
  if (name === "anyOf" || name === "allOf" || name === "oneOf")
    return Array.isArray(value)
      ? [name === "oneOf" ? "anyOf" : name, (value as readonly Json[]).map(fitAny)]
      : undefined;
  if (name === "format") return stringFormats.includes(value) ? [name, value] : undefined;
  if (name === "minItems") return value === 0 || value === 1 ? [name, value] : undefined;
  return undefined;
}

function isObjectSchema(schema: JsonObject): boolean {
  const { type } = schema;
  return (
    type === "object" ||
    (Array.isArray(type) && type.includes("object")) ||
    isObject(schema["properties"])
  );
}

/** Deterministic, and the same again when applied to its own result. */
export function fitSchema(schema: JsonObject): JsonObject {
  const members: Record<string, Json> = {};
  const words: string[] = [];
  for (const [name, value] of Object.entries(schema)) {
    if (name === "description" || name === "additionalProperties" || name === "$schema") continue;
    const fitted = fitMember(name, value);
    if (fitted === undefined) words.push(`${name}: ${JSON.stringify(value)}`);
    else members[fitted[0]] = fitted[1];
  }
  const said = typeof schema["description"] === "string" ? [schema["description"]] : [];
  const described = [...said, ...(words.length === 0 ? [] : [`{${words.join(", ")}}`])].join(
    "\n\n",
  );
  if (described !== "") members["description"] = described;
  if (isObjectSchema(schema)) members["additionalProperties"] = false;
  return members;
}
