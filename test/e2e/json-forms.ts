/**
 * One JSON value in many texts: every way of writing that parsers take for the same, and parse-and-stringify destroys.
 * Texts of objects are kept member by member, so that a test can say which splice it expects.
 */
import type { Chance } from "../simulation/virtual-clock.ts";

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | JsonValue[]
  | { [name: string]: JsonValue };

export const forms = [
  "plain",
  "spaced",
  "shuffled",
  "escaped",
  "numbers",
  "unknown",
  "repeated",
  "all",
] as const;
export type Form = (typeof forms)[number];

/** A member of the outermost object, as text. */
export interface MemberText {
  readonly name: string;
  /** With its quotes, the colon and all white space up to the value. */
  readonly head: string;
  readonly value: string;
  /** White space behind the value. */
  readonly tail: string;
}

/** The outermost object, as text. */
export interface ObjectText {
  readonly before: string;
  /** White space behind the `{`. */
  readonly inside: string;
  readonly members: readonly MemberText[];
  readonly after: string;
}

/** Numbers that no parser of doubles keeps. */
const oddNumbers = [
  "9007199254740993",
  "-9007199254740995",
  "1E+2",
  "-0",
  "0.10",
  "1.0",
  "1e400",
  "123456789012345678901234567890",
  "1e-400",
  "100000000000000000000000.5",
] as const;

/** Members of nested objects that we read, so that a second one of the name is refused by us. */
const readWithin: readonly string[] = [
  "include_usage",
  "user_id",
  "maxOutputTokens",
  "max_output_tokens",
  "model",
  "parts",
  "encrypted_content",
];

class Speller {
  readonly #form: Form;
  readonly #chance: Chance;

  constructor(form: Form, chance: Chance) {
    this.#form = form;
    this.#chance = chance;
  }

  has(form: Form): boolean {
    return this.#form === form || this.#form === "all";
  }

  space(): string {
    if (!this.has("spaced")) return "";
    return Array.from({ length: this.#chance.between(0, 3) }, () =>
      this.#chance.pick([" ", "\t", "\n", "\r\n", "  "]),
    ).join("");
  }

  value(value: JsonValue): string {
    if (typeof value === "string") return this.string(value);
    if (typeof value === "number") return this.number(value);
    if (Array.isArray(value)) return this.list(value);
    if (typeof value !== "object" || value === null) return JSON.stringify(value);
    const { inside, members } = this.object(value);
    return `{${inside}${members.map(memberText).join(",")}}`;
  }

  string(text: string): string {
    const plain = JSON.stringify(text);
    if (!this.has("escaped") || text.length > 20_000) return plain;
    let spelled = "";
    for (const unit of text) {
      const code = unit.charCodeAt(0);
      if (unit === "/" && this.#chance.happens(0.5)) spelled += "\\/";
      else if (unit.length === 1 && this.#chance.happens(0.15)) {
        const hex = code.toString(16).padStart(4, "0");
        spelled += `\\u${this.#chance.happens(0.5) ? hex.toUpperCase() : hex}`;
      } else spelled += JSON.stringify(unit).slice(1, -1);
    }
    return `"${spelled}"`;
  }

  number(value: number): string {
    // What no double holds was read as infinite.
    if (!Number.isFinite(value)) return value > 0 ? "1e400" : "-1e400";
    const plain = JSON.stringify(value);
    if (!this.has("numbers") || /e/i.test(plain)) return plain;
    const spellings = plain.includes(".")
      ? [`${plain}0`, `${plain}e0`, `${plain}00E+0`]
      : [`${plain}.0`, `${plain}e0`, `${plain}E+0`, `${plain}0e-1`];
    return value === 0 ? "-0" : this.#chance.pick(spellings);
  }

  list(values: readonly JsonValue[]): string {
    const items = values.map((value) => this.space() + this.value(value) + this.space());
    return `[${items.join(",")}${values.length === 0 ? this.space() : ""}]`;
  }

  object(value: { readonly [name: string]: JsonValue }, outermost = false): ObjectText {
    let entries = Object.entries(value).map(
      ([name, member]) => [name, this.value(member)] as const,
    );
    if (this.has("unknown"))
      entries.push(["x_unknown", '{"deep":[null,{"":1,"é":"\\ud83d\\ude00"}]}']);
    if (this.has("numbers") && (outermost || this.#chance.happens(0.3)))
      entries.push(["x_number", this.#chance.pick(oddNumbers)]);
    if (
      this.has("repeated") &&
      !outermost &&
      !entries.some(([name]) => readWithin.includes(name))
    ) {
      const again = entries.slice(0, 1).concat([["x_twice", "1"]]);
      entries = [...entries, ...again, ["x_twice", "2"]];
    }
    if (this.has("shuffled"))
      entries = entries
        .map((entry) => [this.#chance.next(), entry] as const)
        .sort(([left], [right]) => left - right)
        .map(([, entry]) => entry);
    const members = entries.map(([name, text]) => ({
      name,
      head: `${this.space()}${this.string(name)}${this.space()}:${this.space()}`,
      value: text,
      tail: this.space(),
    }));
    return { before: this.space(), inside: this.space(), members, after: this.space() };
  }
}

function memberText({ head, value, tail }: MemberText): string {
  return head + value + tail;
}

/** Spells an object in a form. */
export function spellObject(
  value: { readonly [name: string]: JsonValue },
  form: Form,
  chance: Chance,
): ObjectText {
  return new Speller(form, chance).object(value, true);
}

/** Spells any value in a form, on one line. */
export function spellInLine(value: JsonValue, form: Form, chance: Chance): string {
  return new Speller(form, chance).value(value).replaceAll(/[\r\n]/g, " ");
}

/** The whole text. */
export function textOf({ before, inside, members, after }: ObjectText): string {
  return `${before}{${inside}${members.map(memberText).join(",")}}${after}`;
}

/** The same with a member's value replaced. */
export function withValue(text: ObjectText, name: string, value: string): ObjectText {
  const members = text.members.map((member) =>
    member.name === name ? { ...member, value } : member,
  );
  return { ...text, members };
}

/** The same with a member put behind the `{`, as a splice does it. */
export function withInsertion(text: ObjectText, name: string, value: string): ObjectText {
  const put = { name, head: `${JSON.stringify(name)}:`, value, tail: "" };
  const [first, ...rest] = text.members;
  const moved = first === undefined ? [] : [{ ...first, head: text.inside + first.head }, ...rest];
  return { ...text, inside: "", members: [put, ...moved] };
}
