/** Reads the facts of a Messages or count_tokens request from the bytes of its body. */
import { GatewayError } from "../../core/errors.ts";
import {
  type MemberScan,
  readBoolean,
  readNumber,
  readString,
  scanMembers,
} from "../../core/json.ts";
import type { CallFacts, ParseInput } from "../contract.ts";

/** Members that are read here or edited on the way; each may stand in a body once. */
const readNames = [
  "model",
  "stream",
  "tools",
  "max_tokens",
  "metadata",
  "system",
  "messages",
] as const;

const maxModelLength = 256;
const maxEndUserLength = 256;

function refuse(field: string, message: string): GatewayError {
  return new GatewayError("invalid_request", message, {
    fields: [{ field, message }],
    values: { detail: message },
  });
}

/** Whether a member is left out or null. */
function isUnset(body: Buffer, scan: MemberScan, name: string): boolean {
  const range = scan.members[name];
  return range === undefined || body.toString("latin1", range.start, range.end) === "null";
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
  if (range === undefined || isUnset(body, scan, "stream")) return false;
  const stream = readBoolean(body, range);
  if (stream === undefined) throw refuse("stream", "`stream` must be true or false");
  return stream;
}

function parseLimit(body: Buffer, scan: MemberScan): number | null {
  const range = scan.members["max_tokens"];
  const value = range === undefined ? undefined : readNumber(body, range);
  return value !== undefined && value >= 0 ? Math.floor(value) : null;
}

function parseEndUser(body: Buffer, scan: MemberScan): string | null {
  const range = scan.members["metadata"];
  if (range === undefined || body[range.start] !== 0x7b) return null;
  const told = scanMembers(body, ["user_id"], range).members["user_id"];
  const user = told === undefined ? undefined : readString(body, told);
  return user === undefined || user === "" ? null : user.slice(0, maxEndUserLength);
}

/** Throws `invalid_request` naming the member at fault. What is not read here is the vendor's to judge. */
export function parseCall({ operation, body, pathModel }: ParseInput): CallFacts {
  const scan = scanMembers(body, readNames);
  const bodyModel = parseModel(body, scan);
  const model = pathModel ?? bodyModel;
  if (model === null)
    throw refuse("model", "The member `model` is missing; name the model to call");
  return {
    model,
    bodyModel,
    stream: operation === "chat" && parseStream(body, scan),
    streamForm: "sse",
    usageAsked: true,
    usesTools: !isUnset(body, scan, "tools"),
    endUser: parseEndUser(body, scan),
    maxOutputTokens: parseLimit(body, scan),
    scan,
  };
}
