/**
 * Hostile callers below their JSON: bodies that are none, too much of them, paths and headers of every odd form, broken
 * HTTP, forms that two readers would read differently, and floods from both sides. Each is answered as the caller's
 * fault in its own tongue, and afterwards the process holds nothing of it.
 */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import fastCheck from "fast-check";
import type { PublicPath } from "../../src/http/public-path.ts";
import { publicPaths, resolvePath } from "../../src/http/public-paths.ts";
import type { FrontId } from "../../src/wire/call.ts";
import {
  type Answer,
  type Bench,
  type Vitals,
  answerWell,
  assertCalm,
  long,
  modelOver,
  openBench,
  readErrorBody,
  vitalsOf,
  wildPrefix,
} from "./fuzz-bench.ts";
import { draw } from "./fuzz-mutations.ts";
import { seeds } from "./fuzz-seeds.ts";
import { rootKey, waitFor } from "./nodes.ts";
import { type RawCall, type RawReply, inParallel } from "./raw-call.ts";

const megabyte = 1024 * 1024;
/** As much as one body may have, so that not one byte may stay counted as held. */
const bodyBytes = 8 * megabyte;

let bench: Bench;
let start: Vitals;
before(async () => {
  bench = await openBench({ MAX_BODY_SIZE: "8MB", MAX_HELD_SIZE: "8MB" });
  start = vitalsOf(bench.node);
});
after(() => bench.close());

/** A chat whose body has exactly so many bytes. */
function bodyOf(bytes: number): Buffer {
  const text = JSON.stringify({
    model: modelOver("openai-chat"),
    messages: [{ role: "user", content: "" }],
  });
  return Buffer.from(text.replace('""', () => `"${"x".repeat(bytes - text.length)}"`));
}

const chatPath = "/v1/chat/completions";

/** Asserts that the process is as it was, to the last byte that it may hold. */
async function assertClean(): Promise<void> {
  await waitFor("all held bytes are given back", 5000, async () => {
    const reply = await bench.send({ path: chatPath, body: bodyOf(bodyBytes) });
    return reply.status === 200;
  });
  await assertCalm(bench, start);
}

/** Asserts that a reply is a refusal in a tongue, of a status that blames the caller. */
function assertRefused(
  dialect: FrontId,
  reply: RawReply,
  statuses: readonly number[],
  what: string,
): void {
  const shown = `${what}\n→ ${reply.status} ${reply.body.toString("utf8", 0, 400)}`;
  assert.equal(reply.torn, false, shown);
  assert.ok(statuses.includes(reply.status), shown);
  try {
    readErrorBody(dialect, reply.status, reply.body);
  } catch (thrown) {
    assert.fail(`${String(thrown)}: ${shown}`);
  }
}

/** Operations whose bodies name a model, or whose paths do. */
const modelOperations: readonly PublicPath["operation"][] = [
  "by-action",
  "chat",
  "count-tokens",
  "compact",
  "completions",
  "embeddings",
  "rerank",
  "moderations",
  "image-generation",
  "image-edit",
  "image-variation",
  "speech",
  "transcription",
  "translation",
];

/** Every public path on which bodies are read, with a model that somebody serves. */
function concrete(path: PublicPath): { url: string; dialect: FrontId } | undefined {
  if (path.method !== "POST" || !modelOperations.includes(path.operation)) return undefined;
  const model = modelOver(path.dialect);
  const action = "generateContent";
  const named = path.operation === "by-action" ? `${model}:${action}` : model;
  const resolved = resolvePath(path, named, {});
  const url = path.path
    .replace("*", named)
    .replace(":model", model)
    .replace(":version", "v1beta")
    .replace(":project", "p1")
    .replace(":location", "global");
  return resolved === undefined ? undefined : { url, dialect: resolved.dialect };
}

const deepList = Buffer.from(`{"model":"m","x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`);
const deepObject = Buffer.from(`${'{"model":'.repeat(100_000)}1${"}".repeat(100_000)}`);

/** Bodies that are no JSON object for anybody. */
const noObjects: readonly (readonly [string, Buffer])[] = [
  ["empty", Buffer.alloc(0)],
  ["white space", Buffer.from(" \r\n\t ")],
  ["null", Buffer.from("null")],
  ["a number", Buffer.from("1e999")],
  ["a text", Buffer.from('"model"')],
  ["a list", Buffer.from('[{"model":"m"}]')],
  ["a brace", Buffer.from("{")],
  ["a comma too many", Buffer.from('{"model":"m",}')],
  ["no quotes", Buffer.from("{model:'m'}")],
  ["a comment", Buffer.from('{"model":"m"/* */}')],
  ["two objects", Buffer.from('{"model":"m"}{"model":"n"}')],
  ["a byte order mark", Buffer.from('\ufeff{"model":"m"}')],
  ["UTF-16", Buffer.from('{"model":"m"}', "utf16le")],
  ["a NUL", Buffer.from('{"model":"m"}\u0000')],
  ["a form", Buffer.from("model=m&stream=true")],
  ["nested lists without end", deepList],
  ["nested objects without end", deepObject],
  ["a text without end", Buffer.from(`{"model":"${"x".repeat(100_000)}`)],
  ["a literal without end", Buffer.from(`{"model":${"1".repeat(100_000)}`)],
  ["escapes without end", Buffer.from(`{"model":"${"\\".repeat(100_001)}"}`)],
];

test("what is no JSON object is refused on every public path, in its own tongue", async () => {
  const places = publicPaths.flatMap((path) => concrete(path) ?? []);
  assert.ok(places.length > 80, `${places.length} paths`);
  const tries = places.flatMap((place) => noObjects.map((body) => [place, body] as const));
  await inParallel(tries, 8, async ([{ url, dialect }, [name, body]]) => {
    const reply = await bench.send({ path: url, body });
    assertRefused(dialect, reply, [400], `${url}, ${name}`);
  });
  await assertClean();
});

/** Members that are read or edited, so that nobody may send two of them. */
const readMembers: Readonly<Record<string, readonly string[]>> = {
  chat: ["model", "stream", "stream_options", "tools", "max_completion_tokens", "user"],
  responses: ["model", "stream", "tools", "input", "instructions", "max_output_tokens", "store"],
  messages: ["model", "stream", "tools", "max_tokens", "metadata", "system", "messages"],
  generate: ["tools", "generationConfig", "systemInstruction"],
};

test("a member that is read may stand in a body once; all others pass as often as they come", async () => {
  for (const seed of seeds.filter(({ name }) => name in readMembers)) {
    const model = modelOver(seed.dialect);
    const whole = { ...seed.body(model, seed.dialect !== "gemini-content"), x_other: [1] };
    const spellings = (name: string): string[] => [
      JSON.stringify(name),
      JSON.stringify(name.toUpperCase()),
      `"\\u00${name.charCodeAt(0).toString(16)}${name.slice(1)}"`,
    ];
    for (const [name, value] of Object.entries(whole))
      for (const spelled of spellings(name)) {
        const twice = JSON.stringify(whole).replace(
          /^\{/,
          () => `{${spelled}:${JSON.stringify(value)},`,
        );
        let arrived: Buffer | undefined;
        const keep: Answer = (response, request, body) => {
          arrived = body;
          answerWell(request, body, response);
        };
        const reply = await bench.send(
          { path: seed.path(model, true), headers: seed.headers, body: twice },
          keep,
        );
        if (readMembers[seed.name]?.includes(name) === true) {
          assertRefused(seed.dialect, reply, [400], `${seed.name}: ${spelled} twice`);
          assert.match(reply.body.toString(), new RegExp(name));
          assert.equal(arrived, undefined);
        } else {
          assert.equal(reply.status, 200, `${seed.name}: ${spelled}: ${reply.body.toString()}`);
          assert.equal(arrived?.toString(), twice, `${seed.name}: ${spelled}`);
        }
      }
  }
});

test("a byte too much is refused, announced or not; as much as may be is taken", async () => {
  const most = bodyOf(bodyBytes);
  assert.equal(most.length, bodyBytes);
  assert.equal((await bench.send({ path: chatPath, body: most })).status, 200);
  const more = bodyOf(bodyBytes + 1);
  assertRefused(
    "openai-chat",
    await bench.send({ path: chatPath, body: more }),
    [413],
    "announced",
  );
  const pieces = [
    more.subarray(0, 1000),
    more.subarray(1000, 4 * megabyte),
    more.subarray(4 * megabyte),
  ];
  assertRefused("openai-chat", await bench.send({ path: chatPath, pieces }), [413], "in chunks");
  await assertClean();
});

test("bodies that together are too much are refused for a moment, and nothing of them stays", async () => {
  const statuses: Record<number, number> = {};
  const five = bodyOf(5 * megabyte);
  await inParallel(Array.from({ length: 24 }), 12, async () => {
    const reply = await bench.send({ path: chatPath, body: five });
    statuses[reply.status] = (statuses[reply.status] ?? 0) + 1;
    if (reply.status === 200) return;
    assertRefused("openai-chat", reply, [503], "held");
    assert.ok(Number(reply.headers["retry-after"]) >= 1);
  });
  assert.ok((statuses[200] ?? 0) > 0 && (statuses[503] ?? 0) > 0, JSON.stringify(statuses));
  await assertClean();
});

test("compressed bodies are refused unexpanded, from callers and from upstreams", async () => {
  const bomb = gzipSync(Buffer.alloc(200 * megabyte, 0x20));
  for (const [encoding, body] of [
    ["gzip", bomb],
    ["br", brotliCompressSync(Buffer.from("{}"))],
    ["deflate", Buffer.from("x")],
    ["identity, gzip", bomb],
    ["x".repeat(1000), Buffer.from("{}")],
  ] as const) {
    const headers = { "content-encoding": encoding };
    const reply = await bench.send({ path: chatPath, headers, body });
    assertRefused("openai-chat", reply, [400], encoding);
  }
  for (const over of ["openai-chat", "anthropic-messages", "bedrock-converse"])
    for (const stream of [false, true]) {
      const body = JSON.stringify({
        model: modelOver(over),
        stream,
        messages: [{ role: "user", content: "x" }],
      });
      const reply = await bench.send({ path: chatPath, body }, (response) => {
        response.writeHead(200, {
          "content-type": stream ? "text/event-stream" : "application/json",
          "content-encoding": "gzip",
        });
        response.end(bomb);
      });
      assertRefused("openai-chat", reply, [502], over);
    }
  await assertClean();
});

const oddNames: readonly string[] = [
  "",
  ".",
  "..",
  "../../../etc/passwd",
  "..%2f..%2fadmin",
  "%2e%2e",
  "%2e%2e%2f%2e%2e%2fapi",
  "a/b/c",
  "a%2Fb",
  "a%252Fb",
  "%00",
  "x%00y",
  "%",
  "%zz",
  "%c3%28",
  "%ff",
  "%F0%9F%98%80",
  "%E5%90%8D",
  "a b",
  "a%20b",
  "a+b",
  "a%0d%0ax-evil:1",
  "a%3Fkey=x",
  "a%23b",
  "a;b=c",
  "a:b:c",
  ":",
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "x".repeat(300),
  "x".repeat(5000),
  "%61".repeat(3000),
  "*",
  "{model}",
  "models/models/x",
  "name#9",
  "name%231",
];

const oddPaths: readonly string[] = oddNames.flatMap((name) => [
  `/v1beta/models/${name}:generateContent`,
  `/v1beta/models/${wildPrefix("gemini-content")}${name}:generateContent`,
  `/v1beta/models/${name}`,
  `/v1/models/${name}:streamGenerateContent?alt=sse&alt=json&key=`,
  `/v1beta/models/over-gemini-content:${name}`,
  `/openai/deployments/${name}/chat/completions?api-version=${name}`,
  `/v1/${name}/chat/completions`,
  `/v1/chat/completions/${name}`,
  `/v1/chat/completions?${name}=${name}&model=x`,
  `//v1//messages//${name}`,
  `/${name}`,
  `/v1/responses/${name}`,
  `/v1/files/${name}/content`,
  `/claude/v1/models/${name}`,
]);

/** Sends a request line and headers as raw bytes; answers what came back until the end, or what there was after a while. */
function sendRaw(bytes: Buffer | string, waitMs = 2000): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(bench.node.port, "127.0.0.1");
    let text = "";
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(finish, waitMs);
    socket.on("data", (piece: Buffer) => (text += piece.toString("latin1")));
    socket.on("error", finish).on("close", finish);
    socket.write(bytes);
  });
}

/** Status and body of one raw reply. */
function readRaw(text: string): { readonly status: number; readonly body: string } {
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
  return { status, body: text.slice(text.indexOf("\r\n\r\n") + 4) };
}

test("odd paths are answered, and lead nowhere", async () => {
  const body = '{"contents":[{"parts":[{"text":"x"}]}],"messages":[]}';
  await inParallel(oddPaths, 8, async (path) => {
    if (/[^\x21-\x7e]/.test(path)) return;
    const request = `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${rootKey}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const { status, body: told } = readRaw(await sendRaw(request, 10_000));
    assert.ok(status > 0, `no answer: ${path.slice(0, 200)}`);
    const unserved = status === 503 && /no_available_channel|No available channel/.test(told);
    assert.ok(
      status < 500 || unserved,
      `${status} for ${path.slice(0, 200)}: ${told.slice(0, 300)}`,
    );
  });
  await assertClean();
});

test("a model's name in a path reaches the upstream as one segment of its path", async () => {
  const prefix = wildPrefix("gemini-content");
  let tried = 0;
  for (const name of oddNames) {
    let decoded: string;
    try {
      decoded = decodeURIComponent(name);
    } catch {
      continue;
    }
    if (/[^\x21-\x7e]/.test(name) || name.length > 200) continue;
    let path: string | undefined;
    const keep: Answer = (response, request, body) => {
      path = request.url;
      answerWell(request, body, response);
    };
    const asked = `/v1beta/models/${prefix}${name}:generateContent`;
    const reply = await bench.send({ path: asked, body: '{"contents":[]}' }, keep);
    if (path === undefined) continue;
    tried += 1;
    assert.equal(reply.status, 200, asked);
    const segments = path.split("/");
    assert.deepEqual(segments.slice(0, 3), ["", "v1beta", "models"], `${asked} → ${path}`);
    assert.equal(segments.length, 4, `${asked} → ${path}`);
    const model = decodeURIComponent((segments[3] ?? "").replace(/:generateContent$/, ""));
    assert.equal(model, `${prefix}${decoded}`, `${asked} → ${path}`);
  }
  assert.ok(tried > 15, `${tried} names were asked for`);
});

const credential = `authorization: Bearer ${rootKey}`;
const good = bodyOf(300).toString();
const plain = (more: string, body = good, path = chatPath): string =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${more}\r\n\r\n${body}`;
const sized = `content-length: ${Buffer.byteLength(good)}`;

/** Requests as bytes, and the statuses that they may be answered with; 0: the connection just ends. */
const rawRequests: readonly (readonly [string, string | Buffer, readonly number[]])[] = [
  ["a good one", plain(`${credential}\r\n${sized}`), [200]],
  ["no key", plain(sized), [401]],
  ["an empty key", plain(`authorization: Bearer \r\n${sized}`), [401]],
  ["a key of another form", plain(`authorization: Basic ${rootKey}\r\n${sized}`), [401]],
  ["a key in small letters", plain(`authorization: bearer ${rootKey}\r\n${sized}`), [200, 401]],
  ["a key with blanks", plain(`authorization:   Bearer   ${rootKey}  \r\n${sized}`), [200, 401]],
  ["a huge key", plain(`authorization: Bearer ${"k".repeat(10_000)}\r\n${sized}`), [401]],
  ["a key with a NUL", plain(`authorization: Bearer a\u0000b\r\n${sized}`), [400]],
  [
    "a key with strange letters",
    Buffer.from(plain(`authorization: Bearer é名\r\n${sized}`)),
    [400, 401],
  ],
  ["two keys", plain(`authorization: Bearer x\r\n${credential}\r\n${sized}`), [200, 400, 401]],
  ["two kinds of keys", plain(`x-api-key: wrong\r\n${credential}\r\n${sized}`), [200, 401]],
  [
    "a key in a strange place",
    plain(`${credential.replace("Bearer ", "Bearer sk-#1#2#!3#")}\r\n${sized}`),
    [401, 403],
  ],
  ["a huge header", plain(`${credential}\r\nx-big: ${"x".repeat(40_000)}\r\n${sized}`), [431]],
  [
    "many headers",
    plain(
      `${credential}\r\n${Array.from({ length: 500 }, (_, index) => `x-${index}: 1`).join("\r\n")}\r\n${sized}`,
    ),
    [200, 431],
  ],
  [
    "more headers than anybody sends",
    plain(
      `${credential}\r\n${Array.from({ length: 6000 }, (_, index) => `x-${index}: 1`).join("\r\n")}\r\n${sized}`,
    ),
    [200, 431],
  ],
  [
    "names of an object's own",
    plain(`${credential}\r\n__proto__: x\r\nconstructor: y\r\ntostring: z\r\n${sized}`),
    [200],
  ],
  ["a folded header", plain(`${credential}\r\nx-a: b\r\n c\r\n${sized}`), [200, 400]],
  ["a header without a name", plain(`${credential}\r\n: x\r\n${sized}`), [400]],
  ["a blank in a name", plain(`${credential}\r\nx a: b\r\n${sized}`), [400]],
  ["two lengths", plain(`${credential}\r\n${sized}\r\ncontent-length: 5`), [400]],
  ["a negative length", plain(`${credential}\r\ncontent-length: -5`), [400]],
  ["a length in letters", plain(`${credential}\r\ncontent-length: 0x10`), [400]],
  [
    "a length beyond all",
    plain(`${credential}\r\ncontent-length: 99999999999999999999`),
    [400, 413],
  ],
  ["a length and chunks", plain(`${credential}\r\n${sized}\r\ntransfer-encoding: chunked`), [400]],
  [
    "chunks that are none",
    plain(`${credential}\r\ntransfer-encoding: chunked`, "zz\r\nx\r\n0\r\n\r\n"),
    [400],
  ],
  [
    "a chunk of endless size",
    plain(`${credential}\r\ntransfer-encoding: chunked`, "fffffffffffffffff\r\n"),
    [400, 413],
  ],
  [
    "another encoding of the transfer",
    plain(`${credential}\r\ntransfer-encoding: gzip, chunked`, "0\r\n\r\n"),
    [400, 501],
  ],
  [
    "an unknown encoding of the transfer",
    plain(`${credential}\r\ntransfer-encoding: xchunked`, "0\r\n\r\n"),
    [400],
  ],
  ["an expectation", plain(`${credential}\r\nexpect: 100-continue\r\n${sized}`), [100, 200]],
  ["another expectation", plain(`${credential}\r\nexpect: a miracle\r\n${sized}`), [200, 417]],
  [
    "an upgrade",
    plain(`${credential}\r\nupgrade: h2c\r\nconnection: upgrade\r\n${sized}`),
    [0, 200, 400, 404, 426],
  ],
  [
    "no host",
    `POST ${chatPath} HTTP/1.1\r\n${credential}\r\n${sized}\r\nconnection: close\r\n\r\n${good}`,
    [200, 400],
  ],
  [
    "an older HTTP",
    `POST ${chatPath} HTTP/1.0\r\n${credential}\r\n${sized}\r\n\r\n${good}`,
    [200, 400],
  ],
  ["a newer HTTP", `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`, [400]],
  ["no HTTP", "EHLO mail\r\n\r\n", [400]],
  ["TLS", Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), [400]],
  [
    "an absolute URL",
    plain(`${credential}\r\n${sized}`, good, `http://127.0.0.1:1${chatPath}`),
    [200, 400, 404],
  ],
  [
    "another method",
    `BREW ${chatPath} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
    [400, 404, 405],
  ],
  [
    "TRACE",
    `TRACE ${chatPath} HTTP/1.1\r\nhost: x\r\n${credential}\r\nconnection: close\r\n\r\n`,
    [404, 405],
  ],
  ["CONNECT", `CONNECT 127.0.0.1:1 HTTP/1.1\r\nhost: x\r\n\r\n`, [0, 400, 404, 405]],
  ["a body that breaks off", `${plain(`${credential}\r\ncontent-length: 100000`)}`, [0]],
];

test("odd requests are answered as the caller's fault, or served", async () => {
  for (const [name, bytes, statuses] of rawRequests) {
    const text = await sendRaw(bytes, name.includes("breaks off") ? 300 : 3000);
    const { status, body } = readRaw(text);
    assert.ok(statuses.includes(status), `${name}: ${status} ${text.slice(0, 500)}`);
    // Node itself answers a few without a word.
    if (status >= 400 && body !== "" && body !== "0\r\n\r\n")
      readErrorBody("openai-chat", status, Buffer.from(body, "latin1"));
  }
  await assertClean();
});

test("requests one behind another on one connection are answered in turn", async () => {
  const one = `POST ${chatPath} HTTP/1.1\r\nhost: x\r\n${credential}\r\n${sized}\r\n\r\n${good}`;
  const bad = `POST ${chatPath} HTTP/1.1\r\nhost: x\r\n${credential}\r\ncontent-length: 1\r\n\r\n[`;
  const text = await sendRaw(one + bad + one + plain(`${credential}\r\n${sized}`), 5000);
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
  assert.deepEqual(statuses, [200, 400, 200, 200]);
});

test("callers that leave in the middle of anything leave nothing behind", async () => {
  const head = `POST ${chatPath} HTTP/1.1\r\nhost: x\r\n${credential}\r\ncontent-length: 5000000\r\n\r\n`;
  const part = Buffer.concat([Buffer.from(head), bodyOf(2 * megabyte)]);
  await inParallel(
    Array.from({ length: 40 }, (_, index) => index),
    10,
    async (index) => {
      await sendRaw(part.subarray(0, Math.ceil((part.length * (index + 1)) / 41)), 20);
    },
  );
  await assertClean();
});

const boundary = "b0undary";

interface Part {
  readonly name: string;
  readonly value: string;
  readonly head?: string;
}

const model = modelOver("openai-media");
const goodParts: readonly Part[] = [
  { name: "model", value: model },
  { name: "language", value: "de" },
  {
    name: "file",
    value: "RIFF--\r\n--not the end\r\n",
    head: '; filename="a.wav"\r\nContent-Type: audio/wav',
  },
  { name: "response_format", value: "json" },
];

function form(parts: readonly Part[]): Buffer {
  const texts = parts.map(
    ({ name, value, head = "" }) =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${head}\r\n\r\n${value}\r\n`,
  );
  return Buffer.from(`${texts.join("")}--${boundary}--\r\n`);
}

const formFaults = [
  "drop",
  "double",
  "swap",
  "flip",
  "cut",
  "cut-out",
  "insert",
  "line-ends",
  "name",
  "head",
  "boundary",
] as const;

const insertions: readonly string[] = [
  `--${boundary}`,
  `\r\n--${boundary}\r\n`,
  `\r\n--${boundary}--\r\n`,
  `\r\n--${boundary}  \r\n`,
  `--${boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\nother\r\n`,
  `\r\n--${boundary}\r\nContent-Disposition: form-data; name=model\r\n\r\nother`,
  `\n--${boundary}\nContent-Disposition: form-data; name="model"\n\nother\n`,
  `\r--${boundary}\rContent-Disposition: form-data; name="model"\r\rother\r`,
  `--${boundary}--\r\nContent-Disposition: form-data; name="model"\r\n\r\nother\r\n`,
  "\r\n\r\n",
  "\r",
  "\n",
  "\u0000",
  "--",
  "x".repeat(20_000),
];

const oddHeads: readonly string[] = [
  '; name="model"',
  "; name*=UTF-8''model",
  '; filename="x"; filename="y"',
  "; filename*=UTF-8''%00",
  '; filename="a\\"b"',
  '; filename="a\\"; name=model; x=\\""',
  "\r\n ; name=model; x:y",
  '; filename="a"; name="model"',
  '; filename=a"; name=model',
  "\r\nContent-Transfer-Encoding: base64",
  "\r\nContent-Disposition: form-data; name=model",
  "\r\nContent-Type: multipart/mixed; boundary=inner",
  `\r\nX: ${"y".repeat(20_000)}`,
  "\r\n : x",
  "\r\nno colon",
  ";",
];

const oddTypes: readonly string[] = [
  `multipart/form-data; boundary=${boundary}`,
  `multipart/form-data; boundary="${boundary}"`,
  `multipart/form-data;boundary=${boundary}; charset=utf-8`,
  `MULTIPART/FORM-DATA; BOUNDARY=${boundary}`,
  "multipart/form-data",
  "multipart/form-data; boundary=",
  'multipart/form-data; boundary=""',
  `multipart/form-data; boundary=${"x".repeat(300)}`,
  "multipart/form-data; boundary=other",
  `multipart/form-data; boundary=${boundary}; boundary=other`,
  `multipart/form-data; xboundary=other; boundary=${boundary}`,
];

const formMutations = fastCheck.record({
  fault: fastCheck.constantFrom(...formFaults),
  at: fastCheck.nat(),
  with: fastCheck.nat(),
  type: fastCheck.nat(),
  pieces: fastCheck.array(fastCheck.nat(), { maxLength: 8 }),
});

type FormMutation = typeof formMutations extends fastCheck.Arbitrary<infer Value> ? Value : never;

function breakForm({ fault, at, with: pick }: FormMutation): Buffer {
  const index = at % goodParts.length;
  const part = goodParts[index] ?? goodParts[0]!;
  const bytes = form(goodParts);
  const place = at % bytes.length;
  switch (fault) {
    case "drop":
      return form(goodParts.toSpliced(index, 1));
    case "double":
      return form(goodParts.toSpliced(pick % goodParts.length, 0, part));
    case "swap":
      return form(goodParts.toSpliced(index, 1).toSpliced(pick % goodParts.length, 0, part));
    case "flip": {
      const flipped = Buffer.from(bytes);
      flipped[place] = (flipped[place] ?? 0) ^ (1 << (pick % 8));
      return flipped;
    }
    case "cut":
      return bytes.subarray(0, place);
    case "cut-out":
      return Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + 1 + (pick % 20))]);
    case "insert": {
      const text = insertions[pick % insertions.length] ?? "";
      return Buffer.concat([bytes.subarray(0, place), Buffer.from(text), bytes.subarray(place)]);
    }
    case "line-ends":
      return Buffer.from(bytes.toString().replaceAll("\r\n", pick % 2 === 0 ? "\n" : "\r"));
    case "name":
      return form(
        goodParts.with(index, {
          ...part,
          name: ["model", "MODEL", "", "a".repeat(5000)][pick % 4] ?? "",
        }),
      );
    case "head":
      return form(goodParts.with(index, { ...part, head: oddHeads[pick % oddHeads.length] ?? "" }));
    case "boundary":
      return Buffer.from(bytes.toString().replaceAll(boundary, boundary.slice(0, pick % 9)));
  }
}

interface Form {
  readonly body: Buffer;
  readonly type: string;
}

/** As the platform's own reader reads them; where it refuses the form there is nothing to fear. */
async function strictModels({ body, type }: Form): Promise<unknown[]> {
  const headers = { "content-type": type };
  try {
    const read = await new Response(new Uint8Array(body), { headers }).formData();
    return read.getAll("model");
  } catch {
    return [model];
  }
}

/** As a reader reads them that takes any line end, any boundary, and any spelling of a name. */
function lenientModels(body: Buffer): string[] {
  const parts = body.toString("latin1").split(new RegExp(`(?:^|\\r\\n|\\n|\\r)--${boundary}`));
  return parts.flatMap((part) => {
    const [head = "", ...rest] = part.split(/\r\n\r\n|\n\n|\r\r/);
    const names = head
      .replaceAll(/[\r\n]+[ \t]+/g, " ")
      .matchAll(/[;\s]name\*?=(?:"([^"]*)"|([^;\s]*))/gi);
    const isModel = [...names].some(
      ([, quoted, bare]) => (quoted ?? bare)?.toLowerCase() === "model",
    );
    return isModel ? [rest.join("\r\n\r\n")] : [];
  });
}

test("forms of every broken kind: refused, or read alike by everybody", async () => {
  const paths = ["/v1/audio/transcriptions", "/v1/audio/translations", "/v1/images/edits"];
  const statuses: Record<number, number> = {};
  const found: string[] = [];
  await inParallel(draw(formMutations, 7, long ? 6000 : 600), 8, async (mutation) => {
    const bytes = breakForm(mutation);
    // Half of them come with a content type that is as it should be.
    const type = oddTypes[mutation.type % 2 === 0 ? 0 : mutation.type % oddTypes.length] ?? "";
    const ends = mutation.pieces
      .map((at) => at % (bytes.length + 1))
      .sort((left, right) => left - right);
    const pieces = [...ends, bytes.length]
      .map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
      .filter((piece) => piece.length > 0);
    let arrived: Form | undefined;
    const keep: Answer = (response, request, body) => {
      arrived = { body, type: String(request.headers["content-type"]) };
      answerWell(request, body, response);
    };
    const path = paths[mutation.at % paths.length] ?? "";
    const sent = mutation.pieces.length > 0 ? { pieces } : { body: bytes };
    const shown = `${type}: ${bytes.toString("latin1", 0, 1500)}`;
    try {
      const reply = await bench.send({ path, headers: { "content-type": type }, ...sent }, keep);
      statuses[reply.status] = (statuses[reply.status] ?? 0) + 1;
      const text = reply.body.toString();
      // A form without a model asks for the one that OpenAI takes.
      const unserved = /"No available channel for model (?!over-openai-media )/.test(text);
      if (reply.status !== 200) {
        assertRefused("openai-media", reply, unserved ? [503] : [400, 413], shown);
        return;
      }
      assert.ok(arrived !== undefined, shown);
      // Whoever reads what was sent on, strictly or leniently, finds the one model that was asked for.
      assert.deepEqual(await strictModels(arrived), [model], shown);
      assert.deepEqual(lenientModels(arrived.body), [model], shown);
    } catch (thrown) {
      found.push(`${String(thrown)}\n  ${shown}`);
    }
  });
  assert.equal(found.length, 0, `${found.length} faults:\n${found.slice(0, 4).join("\n\n")}`);
  assert.ok((statuses[200] ?? 0) > 20 && (statuses[400] ?? 0) > 20, JSON.stringify(statuses));
  await assertClean();
});

/** Keeps writing until the other side has enough or so many bytes went out. */
function flood(piece: Buffer, most: number, head: Buffer, type: string): Answer {
  return (response) => {
    response.writeHead(200, { "content-type": type });
    response.write(head);
    let sent = 0;
    const more = (): void => {
      while (sent < most && !response.destroyed) {
        sent += piece.length;
        if (!response.write(piece)) return void response.once("drain", more);
      }
      response.end();
    };
    more();
  };
}

test("upstreams that flood are cut off, and their bytes are not kept", async () => {
  const piece = Buffer.alloc(256 * 1024, 0x78);
  const streamHead = Buffer.from(
    'data: {"choices":[{"index":0,"delta":{"content":"first"},"finish_reason":null}]}\n\ndata: {"x":"',
  );
  for (const over of ["openai-chat", "anthropic-messages"]) {
    const ask = (stream: boolean): RawCall => ({
      path: chatPath,
      body: JSON.stringify({
        model: modelOver(over),
        stream,
        messages: [{ role: "user", content: "x" }],
      }),
    });
    const whole = flood(piece, 400 * megabyte, Buffer.from('{"x":"'), "application/json");
    assertRefused("openai-chat", await bench.send(ask(false), whole), [502], "a whole reply");
    const event = flood(piece, 40 * megabyte, streamHead, "text/event-stream");
    const streamed = await bench.send(ask(true), event);
    if (over === "openai-chat") {
      assert.match(streamed.body.toString(), /"first"[^]*"code":"upstream_invalid"/);
      assert.doesNotMatch(streamed.body.toString(), /\[DONE\]/);
    } else assertRefused("openai-chat", streamed, [502], "an event");
  }
  // An event may be large: images come in one.
  const large = `data: {"choices":[{"index":0,"delta":{"content":"${"y".repeat(15 * megabyte)}"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`;
  const body = JSON.stringify({ model: modelOver("openai-chat"), stream: true, messages: [] });
  const reply = await bench.send({ path: chatPath, body }, (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(large);
  });
  assert.equal(reply.body.toString(), large);
  // A process that has held 256 MB gives the memory back when it needs it elsewhere: so much more is no leak.
  await assertCalm(bench, start, 900);
});
