/** Reads the facts of a JSON request for images, audio or moderation from the bytes of its body. */
import { type MemberScan, readString, readValue, scanMembers } from "../../core/json.ts";
import type { Operation } from "../../wire/call.ts";
import type { UsageKinds } from "../../wire/usage.ts";
import type { CallFacts, ParseInput } from "../contract.ts";
import {
  answersOf,
  askedModel,
  isUnset,
  readEndUser,
  readLimit,
  readModel,
  readStream,
} from "../parse-members.ts";
import { imageLook } from "./usage.ts";

/** Members that are read here or edited on the way; each may stand in a body once. */
const readNames = ["model", "stream", "stream_format", "user", "safety_identifier", "n"] as const;

/** What OpenAI takes where no model is named (OpenAPI document of 2026-08-21). */
const defaultModels: Readonly<Partial<Record<Operation, string>>> = {
  moderations: "omni-moderation-latest",
  "image-generation": "dall-e-2",
  "image-edit": "gpt-image-1.5",
  "image-variation": "dall-e-2",
};

/** The model that is asked: the path's, else the body's, else the operation's default. */
export function askedMediaModel(
  operation: Operation,
  pathModel: string | undefined,
  bodyModel: string | null,
): string {
  return askedModel(pathModel, bodyModel ?? defaultModels[operation] ?? null);
}

function asksStream(operation: Operation, body: Buffer, scan: MemberScan): boolean {
  if (operation !== "speech") return readStream(body, scan);
  const range = scan.members["stream_format"];
  return range !== undefined && readString(body, range) === "sse";
}

/** Throws `invalid_request` naming the member at fault. What is not read here is the vendor's to judge. */
export function parseCall({ operation, body, pathModel }: ParseInput): CallFacts {
  const scan = scanMembers(body, readNames);
  const bodyModel = isUnset(body, scan, "model") ? null : readModel(body, scan);
  return {
    model: askedMediaModel(operation, pathModel, bodyModel),
    bodyModel,
    stream: asksStream(operation, body, scan),
    streamForm: "sse",
    usesTools: false,
    // Media streams tell usage unasked, in their last event.
    usageAsked: true,
    endUser: readEndUser(body, scan.members["user"] ?? scan.members["safety_identifier"]),
    maxOutputTokens: null,
    ...answersOf(readLimit(body, scan.members["n"])),
    scan,
  };
}

function valueOf(body: Buffer, scan: MemberScan, name: string): unknown {
  const range = scan.members[name];
  return range === undefined ? undefined : readValue(body, range);
}

function spokenKinds(body: Buffer): UsageKinds | undefined {
  const input = valueOf(body, scanMembers(body, ["input"]), "input");
  if (typeof input !== "string") return undefined;
  let characters = 0;
  for (const _character of input) characters += 1;
  return { characters };
}

/** The look that was asked for: some replies do not say what they drew. */
function drawnKinds(body: Buffer): UsageKinds | undefined {
  const scan = scanMembers(body, ["size", "quality", "n"]);
  const look = imageLook(valueOf(body, scan, "size"), valueOf(body, scan, "quality"));
  if (look === undefined) return undefined;
  return { imageSizes: { [look]: readLimit(body, scan.members["n"]) ?? 1 } };
}

/** What a request itself counts in units of its own: characters to be spoken, images to be drawn by their look. */
export function requestKinds(operation: Operation, body: Buffer): UsageKinds | undefined {
  if (operation === "speech") return spokenKinds(body);
  return operation === "image-generation" ? drawnKinds(body) : undefined;
}
