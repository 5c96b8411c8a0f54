/** Reads the facts of a JSON request for images, audio or moderation from the bytes of its body. */
import { GatewayError } from "../../core/errors.ts";
import {
  type MemberScan,
  readBoolean,
  readString,
  readValue,
  scanMembers,
} from "../../core/json.ts";
import type { Operation } from "../../wire/call.ts";
import type { UsageKinds } from "../../wire/usage.ts";
import type { CallFacts, ParseInput } from "../contract.ts";

/** Members that are read here or edited on the way; each may stand in a body once. */
const readNames = ["model", "stream", "stream_format", "user", "safety_identifier"] as const;

/** What OpenAI takes where no model is named (OpenAPI document of 2026-08-21). */
const defaultModels: Readonly<Partial<Record<Operation, string>>> = {
  moderations: "omni-moderation-latest",
  "image-generation": "dall-e-2",
  "image-edit": "gpt-image-1.5",
  "image-variation": "dall-e-2",
};

export const maxModelLength = 256;
const maxEndUserLength = 256;

/** The error of a member (or field of a form) that cannot be taken as it is. */
export function refuse(field: string, message: string): GatewayError {
  return new GatewayError("invalid_request", message, {
    fields: [{ field, message }],
    values: { detail: message },
  });
}

/** Checks a model's name; null where none is given. */
export function checkModel(model: string | null): string | null {
  if (model === "") throw refuse("model", "`model` must be a string that names the model to call");
  if (model !== null && model.length > maxModelLength)
    throw refuse("model", `\`model\` is longer than ${maxModelLength} characters`);
  return model;
}

/** The model that is asked: the path's, else the body's, else the operation's default. */
export function askedModel(
  operation: Operation,
  pathModel: string | undefined,
  bodyModel: string | null,
): string {
  const model = pathModel ?? bodyModel ?? defaultModels[operation];
  if (model === undefined) throw refuse("model", "`model` is missing; name the model to call");
  return model;
}

function isNull(body: Buffer, scan: MemberScan, name: string): boolean {
  const range = scan.members[name];
  return range === undefined || body.toString("latin1", range.start, range.end) === "null";
}

function parseModel(body: Buffer, scan: MemberScan): string | null {
  const range = scan.members["model"];
  if (range === undefined || isNull(body, scan, "model")) return null;
  return checkModel(readString(body, range) ?? "");
}

function parseStream(operation: Operation, body: Buffer, scan: MemberScan): boolean {
  const name = operation === "speech" ? "stream_format" : "stream";
  const range = scan.members[name];
  if (range === undefined || isNull(body, scan, name)) return false;
  if (operation === "speech") return readString(body, range) === "sse";
  const stream = readBoolean(body, range);
  if (stream === undefined) throw refuse("stream", "`stream` must be true or false");
  return stream;
}

/** The caller's own name for its end user, cut to what is kept of it. */
export function endUserOf(told: string | undefined): string | null {
  return told === undefined || told === "" ? null : told.slice(0, maxEndUserLength);
}

/** Throws `invalid_request` naming the member at fault. What is not read here is the vendor's to judge. */
export function parseCall({ operation, body, pathModel }: ParseInput): CallFacts {
  const scan = scanMembers(body, readNames);
  const bodyModel = parseModel(body, scan);
  const user = scan.members["user"] ?? scan.members["safety_identifier"];
  return {
    model: askedModel(operation, pathModel, bodyModel),
    bodyModel,
    stream: parseStream(operation, body, scan),
    streamForm: "sse",
    usesTools: false,
    // Media streams tell usage unasked, in their last event.
    usageAsked: true,
    endUser: endUserOf(user === undefined ? undefined : readString(body, user)),
    maxOutputTokens: null,
    scan,
  };
}

/** What a request itself counts in units of its own: the characters to be spoken. */
export function requestKinds(operation: Operation, body: Buffer): UsageKinds | undefined {
  if (operation !== "speech") return undefined;
  const range = scanMembers(body, ["input"]).members["input"];
  const input = range === undefined ? undefined : readValue(body, range);
  if (typeof input !== "string") return undefined;
  let characters = 0;
  for (const _character of input) characters += 1;
  return { characters };
}
