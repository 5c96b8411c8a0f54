/** Turns flags into the body of a write. Promise kept here: a secret never has to stand on the command line. */
import { readFile } from "node:fs/promises";
import { messageOf } from "../core/errors.ts";
import { isObject, type Json, type JsonObject } from "../core/json-value.ts";
import { CommandFailure, exitCodes } from "./exit-codes.ts";
import type { FieldFlag, Noun } from "./nouns.ts";
import type { CommandParts } from "./program-parts.ts";

/** Flags as commander read them. */
export type Flags = Readonly<Record<string, unknown>>;

type FieldParts = Pick<CommandParts, "translate" | "environment" | "readStdin">;

/** The body for `add`: fields, credentials, and what `--set` puts over them; names what is missing. */
export async function readNewRow(noun: Noun, flags: Flags, parts: FieldParts): Promise<JsonObject> {
  const body = await readChanges(noun, flags, parts);
  const missing = noun.flags.filter((flag) => flag.required && body[flag.field] === undefined);
  const names = missing.map((flag) => `--${flag.flag}`);
  if (noun.hasCredentials && body["credentials"] === undefined)
    names.push("--credential-file | --credential-env | --credential-stdin | --without-credential");
  if (names.length > 0)
    throw usageFault(parts.translate("fault.missingFlags", { flags: names.join(", ") }));
  return body;
}

/** The body for `edit`: only what was named; `--clear` gives null, which restores a default. */
export async function readChanges(
  noun: Noun,
  flags: Flags,
  parts: FieldParts,
): Promise<JsonObject> {
  const body: Record<string, Json> = {};
  for (const flag of noun.flags) {
    const value = flags[camelCase(flag.flag)];
    if (value !== undefined) put(body, flag.field, readValue(flag, value, parts));
  }
  if (noun.hasCredentials) {
    const credentials = await readCredentials(flags, parts);
    if (credentials !== undefined) body["credentials"] = credentials;
  }
  for (const field of textsOf(flags["clear"])) body[fieldNamed(noun, field)] = null;
  for (const text of textsOf(flags["set"])) Object.assign(body, parseObject(text, parts));
  return body;
}

/** A secret from a file (`-`: standard input), its last line ends removed. */
export async function readSecretFile(path: string, parts: FieldParts): Promise<string> {
  let text: string;
  try {
    text = path === "-" ? await parts.readStdin() : await readFile(path, "utf8");
  } catch (error) {
    throw usageFault(parts.translate("fault.file", { path, reason: messageOf(error) }));
  }
  const secret = text.replace(/[\r\n]+$/, "");
  if (secret === "") throw usageFault(parts.translate("fault.emptySecret", { path }));
  return secret;
}

async function readCredentials(flags: Flags, parts: FieldParts): Promise<string[] | undefined> {
  const found: string[] = [];
  for (const path of textsOf(flags["credentialFile"]))
    found.push(await readSecretFile(path, parts));
  for (const name of textsOf(flags["credentialEnv"])) {
    const value = parts.environment(name);
    if (value === undefined || value === "")
      throw usageFault(parts.translate("fault.emptyVariable", { name }));
    found.push(value);
  }
  if (flags["credentialStdin"] === true) found.push(await readSecretFile("-", parts));
  if (found.length > 0) return found;
  return flags["withoutCredential"] === true ? [] : undefined;
}

function readValue(flag: FieldFlag, value: unknown, parts: FieldParts): Json {
  if (flag.kind === "list") return textsOf(value);
  if (flag.kind === "limit") return textsOf(value).map((text) => readLimit(flag, text, parts));
  if (flag.kind === "pair") return readPairs(flag, textsOf(value), parts);
  const text = String(value);
  if (flag.kind === "text") return text;
  if (flag.kind === "reference") return /^\d{1,15}$/.test(text) ? Number(text) : text;
  if (flag.kind === "boolean" && /^(true|false)$/.test(text)) return text === "true";
  if (flag.kind === "number" && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  throw usageFault(
    parts.translate(flag.kind === "boolean" ? "fault.boolean" : "fault.number", {
      flag: `--${flag.flag}`,
      value: text,
    }),
  );
}

/** `requests=600/minute`, `dollars=2.5/day`, `concurrency=5`. */
function readLimit(flag: FieldFlag, text: string, parts: FieldParts): JsonObject {
  const [, of, amount, per] = /^(\w+)=([\d.]+)(?:\/(\w+))?$/.exec(text) ?? [];
  if (of === undefined || amount === undefined)
    throw usageFault(parts.translate("fault.limit", { flag: `--${flag.flag}`, value: text }));
  return { of, amount, ...(per !== undefined && { per }) };
}

function readPairs(flag: FieldFlag, texts: readonly string[], parts: FieldParts): JsonObject {
  const pairs = texts.map((text): [string, string] => {
    const at = text.indexOf("=");
    if (at < 1)
      throw usageFault(parts.translate("fault.pair", { flag: `--${flag.flag}`, value: text }));
    return [text.slice(0, at), text.slice(at + 1)];
  });
  return Object.fromEntries(pairs);
}

function parseObject(text: string, parts: FieldParts): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // Same answer as for JSON that is no object.
  }
  throw usageFault(parts.translate("fault.setObject"));
}

function fieldNamed(noun: Noun, name: string): string {
  const field = noun.flags.find((flag) => flag.flag === name)?.field ?? name;
  return field.split(".", 1)[0] ?? field;
}

/** Also into a member of an object: `budget.amount`. */
function put(body: Record<string, Json>, field: string, value: Json): void {
  const [outer = field, inner] = field.split(".");
  const before = body[outer];
  body[outer] = inner === undefined ? value : { ...(isObject(before) && before), [inner]: value };
}

function textsOf(value: unknown): string[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value.map(String) : [String(value)];
}

function camelCase(flag: string): string {
  return flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function usageFault(message: string): CommandFailure {
  return new CommandFailure(exitCodes.usage, message);
}
