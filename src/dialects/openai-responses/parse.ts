/** Reads the facts of a Responses request (turn, compaction, token count) from the bytes of its body. */
import { scanMembers } from "../../core/json.ts";
import type { CallFacts, ParseInput } from "../contract.ts";
import {
  askedModel,
  isUnset,
  readEndUser,
  readLimit,
  readModel,
  readStream,
} from "../parse-members.ts";

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

/** Throws `invalid_request` naming the member at fault. What is not read here is the vendor's to judge. */
export function parseCall({ operation, body, pathModel }: ParseInput): CallFacts {
  const scan = scanMembers(body, readNames);
  const { members } = scan;
  const bodyModel = isUnset(body, scan, "model") ? null : readModel(body, scan);
  const model = askedModel(pathModel, bodyModel);
  const stream = operation === "chat" && readStream(body, scan);
  return {
    model,
    bodyModel,
    stream,
    streamForm: "sse",
    usesTools: !isUnset(body, scan, "tools"),
    usageAsked: true,
    endUser: readEndUser(body, members["user"] ?? members["safety_identifier"]),
    maxOutputTokens: readLimit(body, members["max_output_tokens"]),
    scan,
  };
}
