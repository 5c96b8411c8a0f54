/** The wish for JSON: in Converse's own words where the model has them, else in the instructions. */
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";
import type { ResponseFormat } from "../../wire/conversation.ts";
import type { ModelTraits } from "./families.ts";

export interface FormatPlan {
  /** For `outputConfig.textFormat`; null: none. */
  readonly textFormat: JsonObject | null;
  readonly instructions: readonly string[];
}

/** Members of a schema whose values are schemas by name, and those that are one or a list of them. */
const named = ["properties", "$defs", "definitions"];
const nested = ["items", "anyOf", "allOf", "oneOf", "additionalProperties"];

function closeMember(name: string, value: Json): Json {
  if (named.includes(name) && isObject(value))
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, isObject(item) ? closeSchema(item) : item]),
    );
  if (!nested.includes(name)) return value;
  if (Array.isArray(value))
    return value.map((item: Json) => (isObject(item) ? closeSchema(item) : item));
  return isObject(value) ? closeSchema(value) : value;
}

/** Claude wants every object of a schema to say that it has no further members. */
function closeSchema(schema: JsonObject): JsonObject {
  const closed = Object.fromEntries(
    Object.entries(schema).map(([name, value]) => [name, closeMember(name, value)]),
  );
  const isOpen = schema["type"] === "object" && schema["additionalProperties"] === undefined;
  return isOpen ? { ...closed, additionalProperties: false } : closed;
}

/** Plans the format; null stands for text. */
export function planFormat(format: ResponseFormat | null, traits: ModelTraits): FormatPlan {
  if (format === null || format.kind === "text") return { textFormat: null, instructions: [] };
  if (format.kind === "json")
    return {
      textFormat: null,
      instructions: [
        "Answer with one JSON object and nothing else: no words around it, no code fence.",
      ],
    };
  if (!traits.takesSchema) {
    const schema = JSON.stringify(format.schema);
    const wish =
      "Answer with one JSON value that fits this JSON Schema and nothing else: no words around it, no code fence.";
    return { textFormat: null, instructions: [`${wish}\n${schema}`] };
  }
  const schema = traits.claude === null ? format.schema : closeSchema(format.schema);
  const jsonSchema = {
    schema: JSON.stringify(schema),
    ...(format.name === null ? {} : { name: format.name }),
    ...(format.description === null ? {} : { description: format.description }),
  };
  return { textFormat: { type: "json_schema", structure: { jsonSchema } }, instructions: [] };
}
