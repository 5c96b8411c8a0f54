/**
 * Grammar-based mutations of JSON: values of wrong and hostile kinds at any path, members lost, repeated and renamed, and
 * faults below the grammar. Deterministic: a mutation is told by numbers, which fast-check draws.
 */
import fastCheck from "fast-check";

/** JSON text in place of a value: for what no value of JavaScript writes. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Node = unknown;
type Fields = Record<string, Node>;

/** What is put in place of a value. Texts of size are made anew each time, so that nobody holds them all. */
const hostileValues: readonly (() => Node)[] = [
  () => null,
  () => true,
  () => false,
  () => 0,
  () => -1,
  () => 1.5,
  () => 2 ** 53,
  () => new RawJson("1e999"),
  () => new RawJson("-1e999"),
  () => new RawJson("1E-400"),
  () => new RawJson("123456789012345678901234567890"),
  () => "",
  () => " ",
  () => "x",
  () => "null",
  () => "\u0000",
  () => new RawJson('"\\u0000\\u001f\\u007f"'),
  () => new RawJson('"\\ud800"'),
  () => new RawJson('"\\udfff\\ud800 x"'),
  () => "\u202e\u2028\u2029\ufeff",
  () => "[DONE]",
  () => "data: [DONE]\n\n",
  () => "\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
  () => "../../etc/passwd",
  () => "__proto__",
  () => "constructor",
  () => "data:image/png;base64,%%%",
  () => "data:,",
  () => "data:image/png;base64,iVBORw0KGgo=",
  () => "http://127.0.0.1:1/x.png",
  () => "file:///etc/passwd",
  () => "gs://bucket/object",
  () => "sy1.bm90IG91cnM",
  () => "resp_sy1xAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  // Texts that somebody parses: arguments and results of calls.
  () => "[".repeat(100_000),
  () => '{"a":'.repeat(30_000),
  () => `${'{"a":'.repeat(30_000)}1${"}".repeat(30_000)}`,
  () => '{"__proto__":{"polluted":1},"city":"x"}',
  () => '{"city":1e999,"days":12345678901234567890}',
  () => '{"city":"Kö',
  () => "<think>".repeat(5000),
  () => "```json\n".repeat(2000),
  () => "\\".repeat(100_001),
  () => '\\"'.repeat(50_000),
  () => "x".repeat(200_000),
  () => "é😀".repeat(20_000),
  () => [],
  () => [null],
  () => [[]],
  () => [0, "x", {}],
  () => ({}),
  () => ({ a: 1 }),
  () => ({ type: null }),
  () => ({ type: "text" }),
  () => ({ type: "text", text: null }),
  () => ({ role: "user", content: [{ type: "nothing" }] }),
  () => new RawJson('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
  () => new RawJson('{"toString":null,"hasOwnProperty":1,"length":-1,"then":{}}'),
  () => new RawJson('{"":"","\\u0000":1,"\\ud800":2}'),
  () => Array.from({ length: 3000 }, () => null),
  () => Array.from({ length: 500 }, (_, index) => ({ type: "text", text: String(index) })),
  () => Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`m${index}`, index])),
  () => deepList(400),
  () => deepObject(400),
  () => deepList(100_000),
  () => deepObject(100_000),
];

function deepList(levels: number): RawJson {
  return new RawJson("[".repeat(levels) + "]".repeat(levels));
}

function deepObject(levels: number): RawJson {
  return new RawJson(`${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`);
}

const edits = [
  "replace",
  "replace",
  "replace",
  "remove",
  "rename",
  "add",
  "swap",
  "repeat",
  "multiply",
  "wrap",
] as const;

const byteFaults = [
  "none",
  "none",
  "none",
  "none",
  "none",
  "none",
  "none",
  "truncate",
  "flip",
  "nul",
  "invalid-utf8",
  "bom",
  "utf-16",
  "behind",
  "before",
  "cut-out",
  "doubled",
] as const;

interface Edit {
  readonly kind: (typeof edits)[number];
  readonly at: number;
  readonly with: number;
}

export interface Mutation {
  readonly edits: readonly Edit[];
  readonly fault: (typeof byteFaults)[number];
  readonly at: number;
}

/** Draws mutations. */
export const mutations: fastCheck.Arbitrary<Mutation> = fastCheck.record({
  edits: fastCheck.array(
    fastCheck.record({
      kind: fastCheck.constantFrom(...edits),
      at: fastCheck.nat(),
      with: fastCheck.nat(),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  fault: fastCheck.constantFrom(...byteFaults),
  at: fastCheck.nat(),
});

interface Place {
  readonly holder: Fields | Node[];
  readonly key: string | number;
}

function isContainer(value: Node): value is Fields | Node[] {
  return typeof value === "object" && value !== null && !(value instanceof RawJson);
}

/** Every place of a tree, outermost first. */
function placesOf(root: Fields): Place[] {
  const places: Place[] = [];
  const walk = (holder: Fields | Node[]): void => {
    const keys = Array.isArray(holder) ? holder.keys() : Object.keys(holder);
    for (const key of keys) {
      places.push({ holder, key });
      const value = (holder as Fields)[key as string];
      if (isContainer(value)) walk(value);
    }
  };
  walk(root);
  return places;
}

function isLong(value: Node): boolean {
  return writeTree(value, new Set()).length > 2000;
}

function valueAt({ holder, key }: Place): Node {
  return (holder as Fields)[key as string];
}

function put({ holder, key }: Place, value: Node): void {
  Object.defineProperty(holder, key, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

function rename({ holder, key }: Place, name: string): void {
  if (Array.isArray(holder)) return;
  const value = holder[key as string];
  delete holder[key as string];
  put({ holder, key: name }, value);
}

const strangeNames = [
  "__proto__",
  "constructor",
  "",
  "MODEL",
  "type",
  "\u0000",
  "toJSON",
  "x".repeat(5000),
];

function apply(root: Fields, edit: Edit, repeated: Set<unknown>): void {
  const places = placesOf(root);
  const place = places[edit.at % Math.max(1, places.length)];
  if (place === undefined) return;
  const value = valueAt(place);
  switch (edit.kind) {
    case "replace":
      return put(place, hostileValues[edit.with % hostileValues.length]?.());
    case "remove":
      if (Array.isArray(place.holder)) place.holder.splice(Number(place.key), 1);
      else delete place.holder[String(place.key)];
      return;
    case "rename":
      return rename(place, strangeNames[edit.with % strangeNames.length] ?? "");
    case "add":
      return put(
        { holder: isContainer(value) && !Array.isArray(value) ? value : root, key: "x_more" },
        hostileValues[edit.with % hostileValues.length]?.(),
      );
    case "swap": {
      const other = places[edit.with % places.length];
      if (other === undefined) return;
      // A copy: a tree that holds itself cannot be written.
      return put(place, copyOf(valueAt(other)));
    }
    case "repeat":
      return void repeated.add(place.holder);
    case "multiply":
      if (Array.isArray(value) && !value.some(isLong))
        put(place, Array.from({ length: 200 }, () => value).flat());
      return;
    case "wrap":
      return put(place, edit.with % 2 === 0 ? [value] : { value });
  }
}

function copyOf(value: Node): Node {
  if (!isContainer(value)) return value;
  if (Array.isArray(value)) return value.map(copyOf);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, copyOf(item)]));
}

/** Writes a tree; the containers in `repeated` have their first member twice. */
function writeTree(value: Node, repeated: ReadonlySet<unknown>): string {
  if (value instanceof RawJson) return value.text;
  if (!isContainer(value)) return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map((item) => writeTree(item, repeated)).join(",")}]`;
  const members = Object.entries(value).map(
    ([name, item]) => `${JSON.stringify(name)}:${writeTree(item, repeated)}`,
  );
  if (repeated.has(value) && members[0] !== undefined) members.push(members[0]);
  return `{${members.join(",")}}`;
}

function breakBytes(bytes: Buffer, fault: Mutation["fault"], at: number): Buffer {
  const place = at % Math.max(1, bytes.length);
  const parts = (middle: Buffer | string): Buffer =>
    Buffer.concat([bytes.subarray(0, place), Buffer.from(middle), bytes.subarray(place)]);
  switch (fault) {
    case "none":
      return bytes;
    case "truncate":
      return bytes.subarray(0, place);
    case "flip": {
      const flipped = Buffer.from(bytes);
      flipped[place] = (flipped[place] ?? 0) ^ (1 << (at % 8));
      return flipped;
    }
    case "nul":
      return parts("\u0000");
    case "invalid-utf8":
      return parts(Buffer.from([0xc3, 0x28, 0xff, 0xed, 0xa0, 0x80]));
    case "bom":
      return Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes]);
    case "utf-16":
      return Buffer.from(bytes.toString("latin1"), "utf16le");
    case "behind":
      return Buffer.concat([bytes, Buffer.from(at % 2 === 0 ? "}" : '{"model":"x"}')]);
    case "before":
      return Buffer.concat([Buffer.from(at % 2 === 0 ? "," : ")]}',\n"), bytes]);
    case "cut-out":
      return Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + 1 + (at % 50))]);
    case "doubled":
      return Buffer.concat([bytes, bytes]);
  }
}

/** A JSON object's text, mutated. */
export function mutate(json: object, mutation: Mutation): Buffer {
  const root = structuredClone(json) as Fields;
  const repeated = new Set<unknown>();
  for (const edit of mutation.edits) apply(root, edit, repeated);
  return breakBytes(Buffer.from(writeTree(root, repeated)), mutation.fault, mutation.at);
}

/** Draws values with a seed: always the same ones. */
export function draw<T>(arbitrary: fastCheck.Arbitrary<T>, seed: number, count: number): T[] {
  return fastCheck.sample(arbitrary, { seed, numRuns: count });
}
