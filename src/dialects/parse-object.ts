/** Parses bodies that are to be translated: the one place where a vendor's JSON is trusted to be an object. */
import { GatewayError } from "../core/errors.ts";
import { parseJson } from "../core/json-depth.ts";
import type { JsonObject } from "../core/json-value.ts";

function parse(body: Buffer): unknown {
  try {
    return parseJson(body.toString());
  } catch {
    return undefined;
  }
}

/** The JSON object of a body; undefined where it is anything else. */
export function findObject(body: Buffer): JsonObject | undefined {
  const value = parse(body);
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined;
}

/** The JSON object of a vendor's reply. Throws `upstream_invalid` where it is anything else. */
export function parseObject(body: Buffer): JsonObject {
  const value = findObject(body);
  if (value !== undefined) return value;
  throw new GatewayError("upstream_invalid", "the reply is not the JSON object it should be");
}
