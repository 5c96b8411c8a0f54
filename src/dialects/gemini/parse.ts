/** Reads the facts of a generateContent, countTokens or embedding request: its path says most, its body little. */
import { type MemberScan, readString, scanMembers, skipSpace } from "../../core/json.ts";
import type { CallFacts, ParseInput } from "../contract.ts";
import { answersOf, maxModelLength, readLimit } from "../parse-members.ts";
import { fieldFault, refuse } from "../refuse.ts";
import { bareModel } from "./model-name.ts";
import { bothSpellings, spelledRange } from "./spelling.ts";

/** Members that are read here or edited on the way; each may stand in a body once. */
const readNames = bothSpellings([
  "model",
  "tools",
  "requests",
  "generationConfig",
  "generateContentRequest",
  "systemInstruction",
]);

const limitNames = bothSpellings(["maxOutputTokens", "candidateCount"]);

function parseBodyModel(body: Buffer, scan: MemberScan): string | null {
  const range = scan.members["model"];
  if (range === undefined) return null;
  const model = readString(body, range);
  if (model === undefined || model === "")
    throw refuse("model", "must be a string such as `models/gemini-2.5-flash`");
  return model;
}

function parseLimits(
  body: Buffer,
  scan: MemberScan,
): Pick<CallFacts, "maxOutputTokens" | "answers"> {
  const config = spelledRange(scan, "generationConfig");
  if (config === undefined || body[config.start] !== 0x7b) return { maxOutputTokens: null };
  const limits = scanMembers(body, limitNames, config);
  return {
    maxOutputTokens: readLimit(body, spelledRange(limits, "maxOutputTokens")),
    ...answersOf(readLimit(body, spelledRange(limits, "candidateCount"))),
  };
}

/** Whether a member holds something: neither null nor an empty list or object. */
function holds(body: Buffer, scan: MemberScan, name: string): boolean {
  const range = spelledRange(scan, name);
  if (range === undefined) return false;
  const first = body[range.start];
  if (first !== 0x5b && first !== 0x7b) return false;
  return skipSpace(body, range.start + 1) < range.end - 1;
}

/** Throws `invalid_request` naming the member at fault. What is not read here is the vendor's to judge. */
export function parseCall({ body, pathModel, pathAction, query }: ParseInput): CallFacts {
  const scan = scanMembers(body, readNames);
  const bodyModel = parseBodyModel(body, scan);
  const model = bareModel(pathModel ?? bodyModel ?? "");
  if (model === "") throw fieldFault("model", "No model is named; name it in the path");
  if (model.length > maxModelLength)
    throw fieldFault("model", `The name of the model is longer than ${maxModelLength} characters`);
  spelledRange(scan, "systemInstruction");
  spelledRange(scan, "generateContentRequest");
  return {
    model,
    bodyModel,
    stream: pathAction === "streamGenerateContent",
    streamForm: query["alt"] === "sse" ? "sse" : "json-array",
    usesTools: holds(body, scan, "tools"),
    usageAsked: true,
    endUser: null,
    ...parseLimits(body, scan),
    scan,
  };
}
