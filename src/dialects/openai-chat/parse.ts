/** Reads the facts of a chat, completions or embeddings request from the bytes of its body. */
import {
  type MemberScan,
  readBoolean,
  readNumber,
  readString,
  scanMembers,
  skipSpace,
} from "../../core/json.ts";
import type { CallFacts, ParseInput } from "../contract.ts";
import { refuse } from "./members.ts";

/** Members that are read here or edited on the way; each may stand in a body once. */
const readNames = [
  "model",
  "stream",
  "stream_options",
  "tools",
  "functions",
  "max_tokens",
  "max_completion_tokens",
  "user",
  "safety_identifier",
] as const;

const maxModelLength = 256;
const maxEndUserLength = 256;

function isNull(body: Buffer, scan: MemberScan, name: string): boolean {
  const range = scan.members[name];
  return range === undefined || body.toString("latin1", range.start, range.end) === "null";
}

/** Whether a member holds anything: an empty list offers nothing. */
function isOffered(body: Buffer, scan: MemberScan, name: string): boolean {
  const range = scan.members[name];
  if (range === undefined || isNull(body, scan, name)) return false;
  return body[range.start] !== 0x5b || body[skipSpace(body, range.start + 1)] !== 0x5d;
}

function parseModel(body: Buffer, scan: MemberScan): string | null {
  const range = scan.members["model"];
  if (range === undefined) return null;
  const model = readString(body, range);
  if (model === undefined || model === "")
    throw refuse("model", "`model` must be a string that names the model to call");
  if (model.length > maxModelLength)
    throw refuse("model", `\`model\` is longer than ${maxModelLength} characters`);
  return model;
}

function parseStream(body: Buffer, scan: MemberScan): boolean {
  const range = scan.members["stream"];
  if (range === undefined || isNull(body, scan, "stream")) return false;
  const stream = readBoolean(body, range);
  if (stream === undefined) throw refuse("stream", "`stream` must be true or false");
  return stream;
}

function parseUsageAsked(body: Buffer, scan: MemberScan): boolean {
  const range = scan.members["stream_options"];
  if (range === undefined || isNull(body, scan, "stream_options")) return false;
  if (body[range.start] !== 0x7b)
    throw refuse("stream_options", "`stream_options` must be an object");
  const asked = scanMembers(body, ["include_usage"], range).members["include_usage"];
  return asked !== undefined && readBoolean(body, asked) === true;
}

function parseLimit(body: Buffer, scan: MemberScan): number | null {
  for (const name of ["max_completion_tokens", "max_tokens"] as const) {
    const range = scan.members[name];
    const value = range === undefined ? undefined : readNumber(body, range);
    if (value !== undefined && value >= 0) return Math.floor(value);
  }
  return null;
}

function parseEndUser(body: Buffer, scan: MemberScan): string | null {
  const range = scan.members["user"] ?? scan.members["safety_identifier"];
  const user = range === undefined ? undefined : readString(body, range);
  return user === undefined || user === "" ? null : user.slice(0, maxEndUserLength);
}

/** Throws `invalid_request` naming the member at fault. What is not read here is the vendor's to judge. */
export function parseCall({ operation, body, pathModel }: ParseInput): CallFacts {
  const scan = scanMembers(body, readNames);
  const bodyModel = parseModel(body, scan);
  const model = pathModel ?? bodyModel;
  if (model === null)
    throw refuse("model", "The member `model` is missing; name the model to call");
  const stream = operation !== "embeddings" && parseStream(body, scan);
  return {
    model,
    bodyModel,
    stream,
    streamForm: "sse",
    usesTools: isOffered(body, scan, "tools") || isOffered(body, scan, "functions"),
    usageAsked: stream && parseUsageAsked(body, scan),
    endUser: parseEndUser(body, scan),
    maxOutputTokens: parseLimit(body, scan),
    scan,
  };
}
