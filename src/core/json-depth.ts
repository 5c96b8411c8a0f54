/**
 * Parses JSON that somebody else wrote, nested no deeper than callers' own bodies may be.
 * Promise kept here: whoever walks or writes what was parsed never runs out of stack.
 */
import { maxJsonDepth } from "./json.ts";

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** Offset of the quote that closes the string which opens at `from`; the text's length where none does. */
function endOfString(text: string, from: number): number {
  let end = text.indexOf('"', from + 1);
  while (end !== -1) {
    let slashes = end;
    while (text.charCodeAt(slashes - 1) === backslash) slashes -= 1;
    if ((end - slashes) % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}

/** Whether a JSON text nests deeper than anybody needs. */
export function nestsTooDeep(text: string): boolean {
  // Each level takes two characters: of nearly all texts nothing is looked at.
  if (text.length <= 2 * maxJsonDepth) return false;
  let depth = 0;
  for (let offset = 0; offset < text.length; offset += 1) {
    const code = text.charCodeAt(offset);
    if (code === quote) offset = endOfString(text, offset);
    else if (code === openBrace || code === openBracket) depth += 1;
    else if (code === closeBrace || code === closeBracket) depth -= 1;
    if (depth > maxJsonDepth) return true;
  }
  return false;
}

/** As `JSON.parse`; throws SyntaxError for a text that nests too deep, too. */
export function parseJson(text: string): unknown {
  if (nestsTooDeep(text))
    throw new SyntaxError(`The JSON nests deeper than ${maxJsonDepth} levels`);
  return JSON.parse(text);
}
