/** Reads the facts of a Responses request (turn, compaction, token count) from the bytes of its body. */
import { GatewayError } from "../../core/errors.ts";
import {
  type MemberScan,
  readBoolean,
  readNumber,
  readString,
  scanMembers,
} from "../../core/json.ts";
import type { CallFacts, ParseInput } from "../contract.ts";

/** Members that are read here, edited on the way or resolved by the gateway; each may stand in a body once. */
const readNames = [
  "model",
  "stream",
  "tools",
  "instructions",
  "input",
  "max_output_tokens",
  "user",
  "safety_identifier",
  "previous_response_id",
  "conversation",
  "store",
  "background",
] as const;

const maxModelLength = 256;
const maxEndUserLength = 256;

function refuse(field: string, message: string): GatewayError {
  return new GatewayError("invalid_request", message, {
    fields: [{ field, message }],
    values: { detail: message },
  });
}

function isNull(body: Buffer, scan: MemberScan, name: string): boolean {
  const range = scan.members[name];
  return range === undefined || body.toString("latin1", range.start, range.end) === "null";
}

function parseModel(body: Buffer, scan: MemberScan): string | null {
  const range = scan.members["model"];
  if (range === undefined || isNull(body, scan, "model")) return null;
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

function parseLimit(body: Buffer, scan: MemberScan): number | null {
  const range = scan.members["max_output_tokens"];
  const value = range === undefined ? undefined : readNumber(body, range);
  return value !== undefined && value >= 0 ? Math.floor(value) : null;
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
  const stream = operation === "chat" && parseStream(body, scan);
  return {
    model,
    bodyModel,
    stream,
    streamForm: "sse",
    usesTools: !isNull(body, scan, "tools"),
    usageAsked: true,
    endUser: parseEndUser(body, scan),
    maxOutputTokens: parseLimit(body, scan),
    scan,
  };
}
