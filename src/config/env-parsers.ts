/** Parsers of environment values. Each answers the value or says in words what would be right; none guesses. */

export type Parsed<T> = { readonly value: T } | { readonly fault: string };

/** Reads the text of a set, non-empty variable. */
export type Parser<T> = (text: string) => Parsed<T>;

export const parseText: Parser<string> = (value) => ({ value });

/** One of the given words. */
export function parseWord<const Word extends string>(...words: readonly Word[]): Parser<Word> {
  return (text) => {
    const value = words.find((word) => word === text);
    return value === undefined ? { fault: `must be one of: ${words.join(", ")}` } : { value };
  };
}

export const parseBoolean: Parser<boolean> = (text) => {
  const word = text.toLowerCase();
  if (["true", "1", "yes", "on"].includes(word)) return { value: true };
  if (["false", "0", "no", "off"].includes(word)) return { value: false };
  return { fault: "must be true or false" };
};

/** A whole number within bounds. */
export function parseInteger(from: number, to: number): Parser<number> {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= from && value <= to
      ? { value }
      : { fault: `must be a whole number from ${from} to ${to}` };
  };
}

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** A duration as milliseconds: `20` and `20s` are seconds; `500ms`, `15m`, `24h`, `7d` work too. */
export const parseDuration: Parser<number> = (text) => {
  const match = /^(\d{1,9})(ms|s|m|h|d)?$/.exec(text);
  const unit = durationUnits[match?.[2] ?? "s"];
  if (match === null || unit === undefined)
    return { fault: "must be a duration such as 20s, 500ms, 15m or 24h" };
  return { value: Number(match[1]) * unit };
};

const sizeUnits: Readonly<Record<string, number>> = {
  "": 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
};

/** A size as bytes: `1048576`, `512k`, `32MB`, `1GiB`; units are powers of 1024. */
export const parseSize: Parser<number> = (text) => {
  const match = /^(\d{1,12})\s*([kmg]?)(?:i?b)?$/i.exec(text);
  const unit = sizeUnits[(match?.[2] ?? "").toLowerCase()];
  if (match === null || unit === undefined)
    return { fault: "must be a size such as 32MB or 1048576" };
  const value = Number(match[1]) * unit;
  return value >= 1024 ? { value } : { fault: "must be at least 1024 bytes" };
};

/** Text of a least length, for secrets; the value never appears in the fault. */
export function parseSecret(leastLength: number): Parser<string> {
  return (text) =>
    text.length >= leastLength
      ? { value: text }
      : { fault: `must have at least ${leastLength} characters, has ${text.length}` };
}

/** A header name in lower case. */
export const parseHeaderName: Parser<string> = (text) =>
  /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/.test(text)
    ? { value: text.toLowerCase() }
    : { fault: "must be a header name such as CF-Connecting-IP" };

/** An URL with one of the given schemes. */
export function parseUrl(...schemes: readonly string[]): Parser<string> {
  return (text) => {
    const fitting = URL.canParse(text) && schemes.includes(new URL(text).protocol);
    return fitting
      ? { value: text }
      : {
          fault: `must be a URL that begins with ${schemes.map((scheme) => `${scheme}//`).join(" or ")}`,
        };
  };
}
