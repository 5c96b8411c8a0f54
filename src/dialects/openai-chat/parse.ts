/** Reads the facts of a chat, completions or embeddings request from the bytes of its body. */
import { type MemberScan, readBoolean, scanMembers, skipSpace } from "../../core/json.ts";
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
import { refuse } from "../refuse.ts";

/** Members that are read here or edited on the way; each may stand in a body once. */
const readNames = [
  "model",
  "stream",
  "stream_options",
  "tools",
  "functions",
  "max_tokens",
  "max_completion_tokens",
  "n",
  "user",
  "safety_identifier",
] as const;

/** Whether a member holds anything: an empty list offers nothing. */
function isOffered(body: Buffer, scan: MemberScan, name: string): boolean {
  const range = scan.members[name];
  if (range === undefined || isUnset(body, scan, name)) return false;
  return body[range.start] !== 0x5b || body[skipSpace(body, range.start + 1)] !== 0x5d;
}

function parseUsageAsked(body: Buffer, scan: MemberScan): boolean {
  const range = scan.members["stream_options"];
  if (range === undefined || isUnset(body, scan, "stream_options")) return false;
  if (body[range.start] !== 0x7b) throw refuse("stream_options", "must be an object");
  const asked = scanMembers(body, ["include_usage"], range).members["include_usage"];
  return asked !== undefined && readBoolean(body, asked) === true;
}

/** Throws `invalid_request` naming the member at fault. What is not read here is the vendor's to judge. */
export function parseCall({ operation, body, pathModel }: ParseInput): CallFacts {
  const scan = scanMembers(body, readNames);
  const { members } = scan;
  const bodyModel = readModel(body, scan);
  const model = askedModel(pathModel, bodyModel);
  const stream = operation !== "embeddings" && readStream(body, scan);
  return {
    model,
    bodyModel,
    stream,
    streamForm: "sse",
    usesTools: isOffered(body, scan, "tools") || isOffered(body, scan, "functions"),
    usageAsked: stream && parseUsageAsked(body, scan),
    endUser: readEndUser(body, members["user"] ?? members["safety_identifier"]),
    maxOutputTokens:
      readLimit(body, members["max_completion_tokens"]) ?? readLimit(body, members["max_tokens"]),
    ...answersOf(readLimit(body, members["n"])),
    scan,
  };
}
