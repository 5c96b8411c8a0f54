/** Reads the facts of a Messages or count_tokens request from the bytes of its body. */
import { type MemberScan, scanMembers } from "../../core/json.ts";
import type { CallFacts, ParseInput } from "../contract.ts";
import {
  askedModel,
  isUnset,
  readEndUser,
  readLimit,
  readModel,
  readStream,
} from "../parse-members.ts";
import { thinkingMembers } from "./loop-thinking.ts";

/** Members that are read here or edited on the way; each may stand in a body once. */
const readNames = [
  "model",
  "stream",
  "tools",
  "max_tokens",
  "metadata",
  "system",
  ...thinkingMembers,
] as const;

function parseEndUser(body: Buffer, scan: MemberScan): string | null {
  const range = scan.members["metadata"];
  if (range === undefined || body[range.start] !== 0x7b) return null;
  return readEndUser(body, scanMembers(body, ["user_id"], range).members["user_id"]);
}

/** Throws `invalid_request` naming the member at fault. What is not read here is the vendor's to judge. */
export function parseCall({ operation, body, pathModel }: ParseInput): CallFacts {
  const scan = scanMembers(body, readNames);
  const bodyModel = readModel(body, scan);
  return {
    model: askedModel(pathModel, bodyModel),
    bodyModel,
    stream: operation === "chat" && readStream(body, scan),
    streamForm: "sse",
    usageAsked: true,
    usesTools: !isUnset(body, scan, "tools"),
    endUser: parseEndUser(body, scan),
    maxOutputTokens: readLimit(body, scan.members["max_tokens"]),
    scan,
  };
}
