/**
 * Arguments of a call that come value by value, each with its path (`$.items[0].name`), as growing JSON text.
 * Promise kept here: the pieces together are one JSON object; what cannot be one is told, never sent on.
 */
import { GatewayError } from "../../core/errors.ts";

type Step = string | number;

interface Container {
  readonly kind: "object" | "array";
  /** The step of the member that is open, or was last. */
  last: Step | undefined;
  /** Members of an object so far. */
  readonly names: Set<string>;
}

function opened(kind: Container["kind"]): Container {
  return { kind, last: undefined, names: new Set() };
}

function broken(path: string): GatewayError {
  return new GatewayError(
    "upstream_invalid",
    `arguments come in an order that no JSON has: ${path}`,
  );
}

const stepPattern = /\.([^.[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/gy;

function unescaped(name: string): string {
  return name.replaceAll(/\\(.)/g, "$1");
}

/** Steps of a JSON path; `$` alone has none. */
function stepsOf(path: string): Step[] {
  if (!path.startsWith("$")) throw broken(path);
  const steps: Step[] = [];
  let end = 1;
  for (const match of path.slice(1).matchAll(stepPattern)) {
    const [whole, name, index, single, double] = match;
    end += whole.length;
    if (index !== undefined) steps.push(Number(index));
    else steps.push(name ?? unescaped(single ?? double ?? ""));
  }
  if (end !== path.length || steps.length === 0) throw broken(path);
  return steps;
}

/** A value as it comes: the whole of it, or a piece of a text. */
export interface PartialValue {
  readonly path: string;
  readonly value: string | number | boolean | null;
  /** More of the same text follows. */
  readonly goesOn: boolean;
}

/** Writes the arguments of one call. */
export class ArgumentWriter {
  readonly #containers: Container[] = [opened("object")];
  #begun = false;
  /** Path of the text that is not closed, and of the one that was closed last. */
  #openText: string | undefined;
  #closedText: string | undefined;

  /** The JSON text that a value adds; may be empty. Throws `upstream_invalid`. */
  write({ path, value, goesOn }: PartialValue): string {
    if (value === "" && path === this.#closedText) return "";
    let out = this.#begun ? "" : "{";
    this.#begun = true;
    if (this.#openText !== undefined && this.#openText !== path) out += this.#closeText();
    if (this.#openText === undefined) out += this.#goTo(stepsOf(path), path);
    if (typeof value !== "string") return out + JSON.stringify(value);
    if (this.#openText === undefined) out += '"';
    this.#openText = path;
    out += JSON.stringify(value).slice(1, -1);
    return goesOn ? out : out + this.#closeText();
  }

  /** The text that closes all that is open. */
  end(): string {
    let out = this.#begun ? "" : "{";
    this.#begun = true;
    if (this.#openText !== undefined) out += this.#closeText();
    while (this.#containers.length > 0) out += this.#close();
    return out;
  }

  #closeText(): string {
    this.#closedText = this.#openText;
    this.#openText = undefined;
    return '"';
  }

  #close(): string {
    return this.#containers.pop()?.kind === "array" ? "]" : "}";
  }

  /** Closes and opens containers until the last step's value can be written. */
  #goTo(steps: readonly Step[], path: string): string {
    let out = "";
    let depth = 0;
    // Containers that the last value and this one have in common stay open.
    while (
      depth < steps.length - 1 &&
      depth < this.#containers.length - 1 &&
      this.#containers[depth]?.last === steps[depth]
    )
      depth += 1;
    while (this.#containers.length > depth + 1) out += this.#close();
    for (; depth < steps.length; depth += 1) {
      out += this.#member(steps[depth] ?? "", path);
      if (depth === steps.length - 1) break;
      const kind = typeof steps[depth + 1] === "number" ? "array" : "object";
      this.#containers.push(opened(kind));
      out += kind === "array" ? "[" : "{";
    }
    return out;
  }

  /** Begins a member of the innermost container. */
  #member(step: Step, path: string): string {
    const container = this.#containers.at(-1);
    if (container === undefined) throw broken(path);
    const { kind, last, names } = container;
    const comma = last === undefined ? "" : ",";
    container.last = step;
    if (kind === "object") {
      // Going back to a member that was left would name it twice.
      if (typeof step !== "string" || names.has(step)) throw broken(path);
      names.add(step);
      return `${comma}${JSON.stringify(step)}:`;
    }
    const next = typeof last === "number" ? last + 1 : 0;
    if (step !== next) throw broken(path);
    return comma;
  }
}
