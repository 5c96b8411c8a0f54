/** Values that follow a JSON Schema, taken from the words of a question where these hold them. */
import type { Heard, Said } from "./turn.ts";
import { asList, asObject } from "./turn.ts";

type Schema = Readonly<Record<string, unknown>>;

/** Text between the first quotes behind a word, the words behind it, or a proper name. */
function stringFor(name: string, question: string): string {
  const exactly = new RegExp(`\\b${name} exactly:\\s*([^]+)$`, "i").exec(question)?.[1];
  if (exactly !== undefined) return exactly;
  const behind = new RegExp(`\\b${name}\\s+(?:is\\s+)?"?([^\\s",]+)`, "i").exec(question)?.[1];
  if (behind !== undefined) return behind;
  const proper = /\b(?:in|at|for|of|about)\s+((?:\p{Lu}\p{L}+ ?)+)/u.exec(question)?.[1];
  const [, any] = /\s((?:\p{Lu}\p{L}+ ?)+)/u.exec(question) ?? [];
  return (proper ?? any ?? question.slice(0, 40)).trim();
}

function typeOf(schema: Schema): string {
  const { type } = schema;
  const named = Array.isArray(type) ? type.find((one) => one !== "null") : type;
  return String(named ?? (schema["properties"] === undefined ? "string" : "object")).toLowerCase();
}

/** A value that the schema allows. */
export function instanceOf(schema: Schema, question: string, name = "value"): unknown {
  if ("const" in schema) return schema["const"];
  const choices = asList(schema["enum"]);
  if (choices.length > 0)
    return choices.find((one) => question.includes(String(one))) ?? choices[0];
  const [variant] = asList(schema["anyOf"] ?? schema["oneOf"]);
  if (variant !== undefined) return instanceOf(asObject(variant), question, name);
  const type = typeOf(schema);
  if (type === "object") return objectOf(schema, question);
  if (type === "array") return [instanceOf(asObject(schema["items"]), question, name)];
  if (type === "integer" || type === "number")
    return Number(/-?\d+(?:\.\d+)?/.exec(question)?.[0] ?? 1);
  if (type === "boolean") return question.toLowerCase().includes(name.toLowerCase());
  return type === "null" ? null : stringFor(name, question);
}

function objectOf(schema: Schema, question: string): Schema {
  const properties = asObject(schema["properties"]);
  const required = asList(schema["required"]);
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([name]) => required.includes(name))
      .map(([name, inner]) => [name, instanceOf(asObject(inner), question, name)]),
  );
}

/** The tools that a question is about, called with what it says; none where they may not be, or have answered. */
export function callsFor(
  { tools, toolChoice: told, toolResults, userText }: Heard,
  { parallel, system }: { readonly parallel: boolean; readonly system: string },
): NonNullable<Said["calls"]> {
  if (told === "none" || toolResults.length > 0) return [];
  // Where an API has no word for it, it stands in the instructions.
  const [inWords, named] = /must call (?:the tool (\S+)|a tool)/i.exec(system) ?? [];
  const toolChoice = inWords === undefined ? told : (named ?? "required");
  const forced = tools.filter(({ name }) => name === toolChoice);
  const meant = tools.filter(({ name }) =>
    name.split(/[^a-z]+/i).some((word) => word.length > 3 && mentions(userText, word)),
  );
  const must = toolChoice === "required" ? tools.slice(0, 1) : [];
  const wanted = [forced, meant, must].find((some) => some.length > 0) ?? [];
  return wanted
    .slice(0, parallel ? wanted.length : 1)
    .map(({ name, schema }) => ({ name, arguments: instanceOf(schema, userText) }));
}

function mentions(text: string, word: string): boolean {
  return text.toLowerCase().includes(word.toLowerCase());
}
