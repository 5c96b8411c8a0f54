/** Words for faults that a rule has none of its own for: what is expected, so that it reads behind the field's name. */
import type { z } from "zod";

const kinds: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "an array",
  object: "an object",
  record: "an object",
};

/** The message of an issue; undefined leaves it to the validator's own words. */
export function wordIssue(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === "invalid_type")
    return issue.input === undefined ? "is required" : `must be ${kindOf(issue.expected)}`;
  if (issue.code === "invalid_value")
    return `must be ${issue.values.map((value) => JSON.stringify(value)).join(" or ")}`;
  if (issue.code === "too_small") return bound(issue.origin, "at least", issue.minimum);
  if (issue.code === "too_big") return bound(issue.origin, "at most", issue.maximum);
  if (issue.code === "invalid_union") return inUnion(issue);
  return undefined;
}

function kindOf(expected: string): string {
  return kinds[expected] ?? expected;
}

const counted: Readonly<Record<string, string>> = {
  string: "characters",
  array: "entries",
  set: "entries",
};

function bound(origin: string, word: string, limit: number | bigint): string {
  const unit = counted[origin];
  return unit === undefined ? `must be ${word} ${limit}` : `must have ${word} ${limit} ${unit}`;
}

/** Of a union's branches: one that took the kind of value and found a fault in it, else the kinds that are taken. */
function inUnion(issue: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidUnion>): string {
  const heads = issue.errors.flatMap((branch) => branch.slice(0, 1));
  const nearer = heads.find((head) => head.code !== "invalid_type");
  if (nearer !== undefined) return nearer.message;
  if (issue.input === undefined) return "is required";
  const expected = heads.flatMap((head) => (head.code === "invalid_type" ? [head.expected] : []));
  return `must be ${expected.map(kindOf).join(" or ")}`;
}
