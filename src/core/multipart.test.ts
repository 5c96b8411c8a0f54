/** Forms read the same however their bytes arrive; forms that could be read in two ways are not read at all. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "./errors.ts";
import { MultipartScanner, boundaryOf, type PartHead } from "./multipart.ts";

interface Seen extends PartHead {
  readonly start: number;
  end?: number;
  value?: string | undefined;
}

function scan(body: Buffer, step: number, keep = 1000, boundary = "b-1"): Seen[] {
  const seen: Seen[] = [];
  const scanner = new MultipartScanner(boundary, {
    onPart: (head, start) => {
      seen.push({ ...head, start });
      return keep;
    },
    onPartEnd: (end, value) =>
      Object.assign(seen.at(-1)!, { end, value: value?.toString("latin1") }),
  });
  for (let offset = 0; offset < body.length; offset += step)
    scanner.push(body.subarray(offset, offset + step));
  scanner.end();
  return seen;
}

const form = Buffer.from(
  [
    "--b-1",
    'Content-Disposition: form-data; name="file"; filename="a;b.mp3"',
    "Content-Type: audio/mpeg",
    "",
    "ID3\r\n--b-\r\n\r\n--b\r\n",
    "--b-1",
    'content-disposition: form-data; name="model"',
    "",
    "whisper-1",
    "--b-1",
    "Content-Disposition: form-data; name=empty",
    "",
    "",
    "--b-1--",
    "",
  ].join("\r\n"),
  "latin1",
);

test("parts are found at every way of cutting the bytes", () => {
  const whole = scan(form, form.length);
  assert.deepEqual(
    whole.map(({ name, fileName, mediaType, value }) => [name, fileName, mediaType, value]),
    [
      ["file", "a;b.mp3", "audio/mpeg", "ID3\r\n--b-\r\n\r\n--b\r\n"],
      ["model", null, null, "whisper-1"],
      ["empty", null, null, ""],
    ],
  );
  for (const { start, end, value } of whole)
    assert.equal(form.toString("latin1", start, end), value);
  for (let step = 1; step < 80; step += 1) assert.deepEqual(scan(form, step), whole);
});

test("values longer than what is to be kept are passed over, and their ends still told", () => {
  const [file, model] = scan(form, 7, 9);
  assert.equal(file?.value, undefined);
  assert.equal(form.toString("latin1", file!.start, file!.end).slice(0, 3), "ID3");
  assert.equal(model?.value, "whisper-1");
});

const head = (text: string, value = "v"): Buffer =>
  Buffer.from(`--b-1\r\n${text}\r\n\r\n${value}\r\n--b-1--\r\n`);

test("what two readers could read differently is refused", () => {
  const ambiguous = [
    head('Content-Disposition: form-data; name="a"; name="model"'),
    head("Content-Disposition: form-data; name=\"a\"; name*=utf-8''model"),
    head(
      'Content-Disposition: form-data; name="a"\r\nContent-Disposition: form-data; name="model"',
    ),
    head('Content-Disposition: form-data; name="mo\\del"'),
    head('Content-Disposition: form-data; name="a" model'),
    head('Content-Disposition: attachment; name="a"'),
    head("Content-Type: text/plain"),
    head('Content-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64'),
    head('Content-Disposition: form-data; name="a"\n name="model"'),
    Buffer.from('--b-1\nContent-Disposition: form-data; name="a"\n\nv\n--b-1--\n'),
    Buffer.from('--b-1\r\nContent-Disposition: form-data; name="a"\r\n\r\nv\r\n--b-1x\r\n'),
    Buffer.from('--b-1\r\nContent-Disposition: form-data; name="a"\r\n\r\nv\r\n--b-1'),
    // Go's reader ends an empty part here, Werkzeug's ends lines in any way.
    head('Content-Disposition: form-data; name="a"', "--b-1\r\nContent-Disposition: x"),
    head('Content-Disposition: form-data; name="a"', "x\n--b-1\nContent-Disposition: x"),
    head('Content-Disposition: form-data; name="a"', "x\r--b-1\rContent-Disposition: x"),
    head('Content-Disposition: form-data; name="a"\r\nX: --b-1'),
    Buffer.from('--b-1\r\nContent-Disposition: form-data; name="a"\r\n\r\nv\r\n--b-1--more'),
    Buffer.from('--b-1\r\nContent-Disposition: form-data; name="a"\r\n\r\nv\r\n--b-1--\r\n--b-1'),
    // Folded lines, names that are none, and quotes that end a text for readers without escapes.
    head('Content-Disposition: form-data; name="a"\r\n ; name=model; x:y'),
    head('Content-Disposition: form-data; name="a"\r\n\tname: model'),
    head('Content-Disposition : form-data; name="a"'),
    head('Content-Disposition: form-data; name="a"\r\nContent-\\ype: x'),
    head('Content-Disposition: form-data; name="a"; filename="x\\"; name=model; y=\\""'),
    Buffer.from(`--b-1\r\n${"x".repeat(20_000)}`),
    Buffer.from("{}"),
  ];
  for (const body of ambiguous)
    assert.throws(
      () => scan(body, 11),
      (error) => error instanceof GatewayError && error.kind === "invalid_request",
      body.toString().slice(0, 120),
    );
});

test("the boundary is read in both spellings and must be there", () => {
  assert.equal(boundaryOf("multipart/form-data; boundary=abc"), "abc");
  assert.equal(boundaryOf('multipart/form-data; charset=utf-8; Boundary="a b:c"'), "a b:c");
  assert.equal(boundaryOf("multipart/form-data; boundary=abc; "), "abc");
  for (const type of [
    "multipart/form-data",
    "multipart/form-data; boundary=",
    'multipart/form-data; boundary=""',
    "multipart/form-data; boundary=a; boundary=b",
    "multipart/form-data; boundary=a; Boundary=b",
    "multipart/form-data; boundary*=utf-8''a",
    'multipart/form-data; boundary="a\\"b"',
    `multipart/form-data; boundary=${"x".repeat(201)}`,
  ])
    assert.throws(() => boundaryOf(type), /boundary/, type);
  // A text in quotes is no parameter.
  assert.equal(boundaryOf('multipart/form-data; x="; boundary=a"; boundary=b'), "b");
  assert.throws(() => boundaryOf("multipart/form-data; boundary=a b"), /content type/i);
});
