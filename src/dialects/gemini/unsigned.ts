/** A body without the signatures in it, for when Google reads one of them no longer: its model or its route has changed. */
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";
import { listOf } from "../loose-fields.ts";
import { traitsOf } from "./model-traits.ts";
import { sentinel } from "./signature.ts";

function isCall(part: unknown): boolean {
  return isObject(part) && (isObject(part["functionCall"]) || isObject(part["function_call"]));
}

/** A part without its signature; none where that was all of it. */
function bare(part: Json): Json[] {
  if (!isObject(part)) return [part];
  const { thoughtSignature: _own, thought_signature: _snake, ...rest } = part as JsonObject;
  const isEmpty = rest["text"] === "" && Object.keys(rest).length <= 2;
  return isEmpty || Object.keys(rest).length === 0 ? [] : [rest];
}

function withoutSignatures(content: Json, model: string): Json[] {
  if (!isObject(content) || content["role"] !== "model") return [content];
  const parts = (listOf(content["parts"]) as readonly Json[]).flatMap(bare);
  if (parts.length === 0) return [];
  const first = traitsOf(model).checksSignatures ? parts.findIndex(isCall) : -1;
  const signed = parts.map((part, index) =>
    index === first ? { ...(part as JsonObject), thoughtSignature: sentinel } : part,
  );
  return [{ ...(content as JsonObject), parts: signed }];
}

/** The body with Google's own stand-in for the signatures that it insists on. */
export function unsigned(body: JsonObject, model: string): JsonObject {
  const contents = listOf(body["contents"]) as readonly Json[];
  return { ...body, contents: contents.flatMap((content) => withoutSignatures(content, model)) };
}
