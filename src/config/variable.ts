/** What is known of one environment variable. */
import type { Parser } from "./env-parsers.ts";

/** One variable: where its value comes from and what operators are told about it. */
export interface Variable<T> {
  readonly name: string;
  /** Other names, asked in order when `name` is unset. */
  readonly otherNames?: readonly string[];
  readonly parse: Parser<T>;
  /** The value when unset. */
  readonly fallback: T;
  /** The default as documentation shows it. */
  readonly shown: string;
  /** Secrets may also come from a file (`<NAME>_FILE`) and are never printed. */
  readonly secret?: true;
  readonly en: string;
  readonly zh: string;
}
