/**
 * Google reads every member in camelCase and in snake_case. Promise kept here: whichever spelling a caller uses is
 * found, and nobody reads one of two spellings of the same member while the vendor obeys the other.
 */
import type { ByteRange, MemberScan } from "../../core/json.ts";
import { fieldFault } from "../refuse.ts";

/** `generationConfig` → `generation_config`. */
export function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `generation_config` → `generationConfig`. */
export function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_whole, letter: string) => letter.toUpperCase());
}

/** Both spellings of each name, each once. */
export function bothSpellings(names: readonly string[]): string[] {
  return [...new Set(names.flatMap((name) => [name, camelCase(name), snakeCase(name)]))];
}

/** Where a member stands, in whichever spelling; refuses both at once. */
export function spelledRange(scan: MemberScan, name: string): ByteRange | undefined {
  const camel = scan.members[camelCase(name)];
  const snake = scan.members[snakeCase(name)];
  if (camel !== undefined && snake !== undefined && camel !== snake) {
    const field = camelCase(name);
    const message = `The member "${field}" stands in the body in two spellings; send it once`;
    throw fieldFault(field, message);
  }
  return camel ?? snake;
}
