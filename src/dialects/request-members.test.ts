import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../core/errors.ts";
import {
  asText,
  entryOf,
  findBoolean,
  findList,
  findNumber,
  findObject,
  findText,
  noteUnknown,
  pathTo,
  requireList,
  requireName,
  requireObject,
  requireText,
} from "./request-members.ts";

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (thrown) {
    assert.ok(thrown instanceof GatewayError && thrown.kind === "invalid_request");
    assert.equal(thrown.message.startsWith(`\`${thrown.fields[0]?.field}\` `), true);
    return thrown.message;
  }
  throw new assert.AssertionError({ message: "nothing was refused" });
}

test("members that are left out or null are not there; wrong ones are named by their path", () => {
  for (const body of [{}, { a: null }]) {
    assert.equal(findText(body, "a", "p"), undefined);
    assert.equal(findObject(body, "a", "p"), undefined);
    assert.equal(findList(body, "a", "p"), undefined);
    assert.equal(findBoolean(body, "a", "p"), undefined);
    assert.equal(findNumber(body, "a", { from: 0, to: 1 }), undefined);
  }
  const odd = { a: 5 };
  assert.equal(
    messageOf(() => findText(odd, "a", "p[0]")),
    "`p[0].a` must be a string",
  );
  assert.equal(
    messageOf(() => findObject(odd, "a", "p")),
    "`p.a` must be an object",
  );
  assert.equal(
    messageOf(() => findList(odd, "a", "")),
    "`a` must be a list",
  );
  assert.equal(
    messageOf(() => findBoolean(odd, "a", "p")),
    "`p.a` must be true or false",
  );
  assert.equal(
    messageOf(() => requireText({}, "a", "p")),
    "`p.a` must be a string",
  );
  assert.equal(
    messageOf(() => requireName({ a: "" }, "a", "p")),
    "`p.a` must not be empty",
  );
  assert.equal(
    messageOf(() => asText(null, "p")),
    "`p` must be a string",
  );
  assert.equal(
    messageOf(() => requireObject([], "p")),
    "`p` must be an object",
  );
  assert.equal(
    messageOf(() => requireList({}, "p")),
    "`p` must be a list",
  );
  assert.equal(pathTo("", "a"), "a");
});

test("numbers keep to their bounds, ends included", () => {
  const bounds = { from: 1, to: 3, whole: true } as const;
  const read = (a: number | string, path?: string) => findNumber({ a }, "a", bounds, path);
  assert.equal(read(1), 1);
  assert.equal(read(3), 3);
  assert.equal(
    messageOf(() => read(4)),
    "`a` must be between 1 and 3",
  );
  assert.equal(
    messageOf(() => read(1.5)),
    "`a` must be a whole number",
  );
  assert.equal(
    messageOf(() => read("1", "p")),
    "`p.a` must be a whole number",
  );
  const least = () => findNumber({ a: -1 }, "a", { from: 0, to: Infinity });
  assert.equal(messageOf(least), "`a` must be at least 0");
});

test("what nobody reads is noted, unless it says nothing; what every object has is no entry of a table", () => {
  const noted: string[] = [];
  const body = { known: 1, odd: 0, off: false, none: null };
  noteUnknown(body, ["known"], "p", (feature, field) => noted.push(`${feature} ${field}`));
  assert.deepEqual(noted, ["unknown-member p.odd"]);
  assert.equal(entryOf({ a: 7 }, "a"), 7);
  assert.equal(entryOf({ a: 7 }, "constructor"), undefined);
  assert.equal(entryOf({ a: 7 }, 1), undefined);
});
