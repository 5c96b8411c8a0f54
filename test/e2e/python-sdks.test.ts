/**
 * The Python clients of OpenAI, Anthropic and Google, as their users write them, against a real gateway over upstreams
 * of every API: text, streams, tools, structured output, kept responses, and the errors that they catch.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openMind } from "../fakes/scripted/mind.ts";
import { openScriptedNode, upstreamIds } from "../sdk/scripted-yard.ts";

const python = process.env["TEST_PYTHON"];
const script = join(dirname(fileURLToPath(import.meta.url)), "python-sdks.py");

/** Class, status, words. */
type Thrown = readonly [name: string, status: number | null, words: string] | null;

interface Seen {
  readonly [name: string]: unknown;
  readonly errors: Readonly<Record<string, Thrown>>;
}

const city = { city: "Bonn", people: 330_000 };

/** What a user of each client sees, whichever the upstream. */
const expected: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  openai: {
    text: "Tokyo",
    streamed: "Tokyo",
    parsed: city,
    response: "Tokyo",
    responseStreamed: "Tokyo",
    responseParsed: city,
    remembered: "Ada",
    listed: true,
    retried: "Tokyo",
  },
  anthropic: {
    text: "Tokyo",
    streamed: ["Tokyo", "Tokyo"],
    parsed: city,
    listed: true,
    retried: "Tokyo",
  },
  google: {
    text: "Tokyo",
    streamed: "Tokyo",
    parsed: city,
    remembered: "Ada",
    listed: true,
  },
};

const errors: Readonly<Record<string, Readonly<Record<string, readonly [string, number | null]>>>> =
  {
    openai: {
      key: ["AuthenticationError", 401],
      model: ["NotFoundError", 404],
      field: ["BadRequestError", 400],
      busy: ["RateLimitError", 429],
      timeout: ["APITimeoutError", null],
    },
    anthropic: {
      key: ["AuthenticationError", 401],
      model: ["NotFoundError", 404],
      field: ["BadRequestError", 400],
      busy: ["RateLimitError", 429],
      timeout: ["APITimeoutError", null],
    },
    google: {
      key: ["ClientError", 401],
      model: ["ClientError", 404],
      busy: ["ClientError", 429],
      timeout: ["ReadTimeout", null],
    },
  };

test(
  "the official Python clients",
  {
    skip:
      python === undefined
        ? "TEST_PYTHON is not set (a Python with the packages of tools/python)"
        : false,
    timeout: 110_000,
  },
  async (t) => {
    const node = await openScriptedNode(openMind());
    t.after(() => node.close());
    const { stdout } = await promisify(execFile)(
      python ?? "",
      [script, node.url, node.key, node.vendor.origin, ...upstreamIds],
      { timeout: 100_000, maxBuffer: 1 << 24 },
    );
    const seen = JSON.parse(stdout) as Record<string, Seen>;
    assert.equal(Object.keys(seen).length, 3 * upstreamIds.length);
    for (const [name, told] of Object.entries(seen)) {
      assert.equal(told["failed"], undefined, `${name}: ${String(told["failed"])}`);
      const [client = ""] = name.split(" ");
      assert.match(String(told["looped"]), /^The tools say: .*18 C in Bonn/u, name);
      for (const [what, value] of Object.entries(expected[client] ?? {}))
        assert.deepEqual(told[what], value, `${name} ${what}`);
      for (const [what, [kind, status]] of Object.entries(errors[client] ?? {}))
        assert.deepEqual(told.errors[what]?.slice(0, 2), [kind, status], `${name} ${what}`);
      assert.match(
        told.errors["broken"]?.[0] ?? "",
        /^(?:InternalServer|ServiceUnavailable|Server)Error$/u,
        name,
      );
      if (client !== "google")
        assert.match(
          told.errors["cut"]?.[0] ?? "",
          /^(?:API|APIStatus|InternalServer)Error$/u,
          name,
        );
    }
  },
);
