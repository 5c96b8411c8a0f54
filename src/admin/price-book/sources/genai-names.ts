/**
 * Which names a model of genai-prices goes by, as names and prefixes of ours. Its clauses are tried in the list's order and
 * the first that fits counts; ours is the exact name, else the longest prefix. Promise kept here: a name that we take
 * belongs to the same model there, and no expression of the list is ever run.
 */
import { lookUp } from "../../../core/look-up.ts";
import { membersOf } from "../read-document.ts";

/** A model's clause, as much of it as we read. */
export type Clause =
  | {
      /**
       * `dated`: goes on with `-YYYYMMDD` or `-YYYY-MM-DD`; `numbered`: with `-` and a digit; `lacks`: no part between
       * dashes is the text.
       */
      readonly kind: Simple | "unknown";
      readonly text: string;
      /** The text in small letters. */
      readonly small: string;
    }
  | { readonly kind: "any" | "all"; readonly of: readonly Clause[] };

type Simple = "equals" | "begins" | "contains" | "ends" | "dated" | "numbered" | "lacks";

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
  const unknown = simpleClause("unknown", name);
  if (more.length > 0 || depth > maxDepth) return unknown;
  if ((name === "or" || name === "and") && Array.isArray(body))
    return {
      kind: name === "or" ? "any" : "all",
      of: body.map((one: unknown) => parseClause(one, depth + 1)),
    };
  if (typeof body !== "string" || body === "") return unknown;
  if (name === "regex") return readExpression(body) ?? unknown;
  return Object.hasOwn(texts, name)
    ? simpleClause(texts[name as keyof typeof texts], body)
    : unknown;
}

function simpleClause(kind: Simple | "unknown", text: string): Clause {
  return { kind, text, small: text.toLowerCase() };
}

/** The forms of expressions that the list has: a text, what may follow it, or what a name must not hold. */
const tails: Readonly<Record<string, Simple>> = {
  "": "begins",
  $: "equals",
  "-\\d{8}$": "dated",
  "-\\d{4}-\\d{2}-\\d{2}$": "dated",
  "-\\d": "numbered",
};
const literal =
  /^\^((?:[\w/@:=-]|\\[.[\]])+?)(|\$|-\\d\{8\}\$|-\\d\{4\}-\\d\{2\}-\\d\{2\}\$|-\\d)$/;
const without = /^\^\(\?!\.\*-((?:\[[a-z][A-Z]\])+)\(\?:\$\|-\)\)$/;

function readExpression(expression: string): Clause | undefined {
  const [, text, tail = ""] = literal.exec(expression) ?? [];
  const kind = lookUp(tails, tail);
  if (text !== undefined && kind !== undefined)
    return simpleClause(kind, text.replaceAll("\\", ""));
  const letters = without.exec(expression)?.[1]?.replaceAll(/\[(.).\]/g, "$1");
  return letters === undefined ? undefined : simpleClause("lacks", letters);
}

/**
 * Whether a clause fits a name in small letters; one that we do not know fits none. Letters' case does not count, as
 * there.
 */
export function clauseFits(clause: Clause, name: string): boolean {
  if ("of" in clause) {
    const fits = (one: Clause): boolean => clauseFits(one, name);
    return clause.kind === "any" ? clause.of.some(fits) : clause.of.every(fits);
  }
  return fitsText(clause.kind, name, clause.small);
}

function fitsText(kind: Simple | "unknown", name: string, text: string): boolean {
  if (kind === "equals") return name === text;
  if (kind === "begins") return name.startsWith(text);
  if (kind === "contains") return name.includes(text);
  if (kind === "ends") return name.endsWith(text);
  if (kind === "lacks") return !`${name}-`.includes(`-${text}-`);
  if (kind === "unknown") return false;
  const rest = name.startsWith(`${text}-`) ? name.slice(text.length + 1) : "";
  return kind === "numbered" ? /^\d/.test(rest) : /^(?:\d{8}|\d{4}-\d{2}-\d{2})$/.test(rest);
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
    case "numbered":
      return [{ pattern: `${clause.text}-20*`, broader: `${clause.text}- with any digits` }];
    case "all":
      return namesOfAll(clause.of, unknown);
    default:
      unknown(clause.text);
      return [];
  }
}

/** A beginning, and parts that a name must not have: the prefix, since what it must not have is named by other models. */
function namesOfAll(
  clauses: readonly Clause[],
  unknown: (text: string) => void,
): readonly NamePattern[] {
  const [first, ...rest] = clauses;
  if (first?.kind === "begins" && rest.every((one) => one.kind === "lacks"))
    return [{ pattern: `${first.text}*`, broader: "less than that: not every name under it" }];
  unknown("and");
  return [];
}
