/**
 * Which names a model of genai-prices goes by, as names and prefixes of ours. Its clauses are tried in the list's order and
 * the first that fits counts; ours is the exact name, else the longest prefix. Promise kept here: a name that we take
 * belongs to the same model there, and no expression of the list is ever run.
 */
import { membersOf } from "../read-document.ts";

/** A model's clause, as much of it as we read. */
export type Clause =
  /** `dated`: `^text-YYYYMMDD$` or `^text-YYYY-MM-DD$`, dated editions. */
  | {
      readonly kind: "equals" | "begins" | "contains" | "ends" | "dated" | "unknown";
      readonly text: string;
    }
  | { readonly kind: "any" | "all"; readonly of: readonly Clause[] };

const texts = {
  equals: "equals",
  starts_with: "begins",
  contains: "contains",
  ends_with: "ends",
} as const;

/** Nested clauses of a hostile list. */
const maxDepth = 8;

export function parseClause(value: unknown, depth = 0): Clause {
  const [[name, body] = ["", undefined], ...more] = membersOf(value);
  const unknown: Clause = { kind: "unknown", text: name };
  if (more.length > 0 || depth > maxDepth) return unknown;
  if ((name === "or" || name === "and") && Array.isArray(body))
    return {
      kind: name === "or" ? "any" : "all",
      of: body.map((one: unknown) => parseClause(one, depth + 1)),
    };
  if (typeof body !== "string" || body === "") return unknown;
  if (name === "regex") return datedClause(body) ?? unknown;
  return Object.hasOwn(texts, name)
    ? { kind: texts[name as keyof typeof texts], text: body }
    : unknown;
}

const datedPattern =
  /^\^([\w./@:-]*(?:\\\.[\w./@:-]*)*)-(?:\\d\{8\}|\\d\{4\}-\\d\{2\}-\\d\{2\})\$$/;

function datedClause(expression: string): Clause | undefined {
  const literal = datedPattern.exec(expression)?.[1]?.replaceAll("\\.", "\0");
  // A dot without its backslash stands for any letter.
  if (literal === undefined || literal === "" || literal.includes(".")) return undefined;
  return { kind: "dated", text: literal.replaceAll("\0", ".") };
}

/** Whether a clause fits a name; one that we do not know fits none. Letters' case does not count, as there. */
export function clauseFits(clause: Clause, name: string): boolean {
  if ("of" in clause) {
    const fits = (one: Clause): boolean => clauseFits(one, name);
    return clause.kind === "any" ? clause.of.some(fits) : clause.of.every(fits);
  }
  const { kind } = clause;
  const [lower, text] = [name.toLowerCase(), clause.text.toLowerCase()];
  if (kind === "equals") return lower === text;
  if (kind === "begins") return lower.startsWith(text);
  if (kind === "contains") return lower.includes(text);
  if (kind === "ends") return lower.endsWith(text);
  if (kind === "unknown") return false;
  const rest = lower.startsWith(`${text}-`) ? lower.slice(text.length + 1) : "";
  return /^(?:\d{8}|\d{4}-\d{2}-\d{2})$/.test(rest);
}

/** A name or `prefix*` that a clause gives, and what it means that is not covered by it. */
export interface NamePattern {
  readonly pattern: string;
  /** Clause that means more names than the pattern; undefined: it means just these. */
  readonly broader?: string;
}

/** Names of a clause; what cannot be said in names is left to `unknown`. */
export function namesOf(clause: Clause, unknown: (text: string) => void): readonly NamePattern[] {
  switch (clause.kind) {
    case "any":
      return clause.of.flatMap((one) => namesOf(one, unknown));
    case "equals":
      return [{ pattern: clause.text }];
    case "begins":
      return [{ pattern: `${clause.text}*` }];
    case "contains":
      return [{ pattern: `${clause.text}*`, broader: `names that contain "${clause.text}"` }];
    case "ends":
      return [{ pattern: clause.text, broader: `names that end with "${clause.text}"` }];
    case "dated":
      // Years of our time: the prefix of a bare dash would cover other models, as `gpt-5-mini` for `gpt-5`.
      return [{ pattern: `${clause.text}-20*` }];
    case "all":
      unknown("and");
      return [];
    default:
      unknown(clause.text);
      return [];
  }
}
