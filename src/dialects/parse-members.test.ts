import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../core/errors.ts";
import { scanMembers } from "../core/json.ts";
import {
  askedModel,
  checkModel,
  endUserOf,
  isUnset,
  readEndUser,
  readLimit,
  readModel,
  readStream,
} from "./parse-members.ts";

function scanned(text: string) {
  const body = Buffer.from(text);
  return { body, scan: scanMembers(body, ["model", "stream", "limit", "user"]) };
}

function faultOf(work: () => unknown): [string, string] {
  try {
    work();
  } catch (thrown) {
    assert.ok(thrown instanceof GatewayError && thrown.kind === "invalid_request");
    return [thrown.fields[0]?.field ?? "", thrown.message];
  }
  throw new assert.AssertionError({ message: "nothing was refused" });
}

test("a model is a string that is neither empty nor too long; the path's name goes before the body's", () => {
  const { body, scan } = scanned(`{"model":"swift-1"}`);
  assert.equal(readModel(body, scan), "swift-1");
  assert.equal(askedModel(undefined, "swift-1"), "swift-1");
  assert.equal(askedModel("path-1", "swift-1"), "path-1");
  assert.deepEqual(
    faultOf(() => askedModel(undefined, null)),
    ["model", "`model` is missing; name the model to call"],
  );
  const none = scanned(`{}`);
  assert.equal(readModel(none.body, none.scan), null);
  for (const wrong of [`""`, "null", "7", "[]"]) {
    const { body: odd, scan: found } = scanned(`{"model":${wrong}}`);
    assert.deepEqual(
      faultOf(() => readModel(odd, found)),
      ["model", "`model` must be a string that names the model to call"],
    );
  }
  assert.equal(checkModel("m".repeat(256)).length, 256);
  assert.deepEqual(
    faultOf(() => checkModel("m".repeat(257))),
    ["model", "`model` is longer than 256 characters"],
  );
});

test("a stream is asked for by true alone; what is no boolean is refused", () => {
  for (const [text, asked] of [
    [`{}`, false],
    [`{"stream":null}`, false],
    [`{"stream":false}`, false],
    [`{"stream":true}`, true],
  ] as const) {
    const { body, scan } = scanned(text);
    assert.equal(readStream(body, scan), asked, text);
    assert.equal(isUnset(body, scan, "stream"), !/true|false/.test(text), text);
  }
  const { body, scan } = scanned(`{"stream":"true"}`);
  assert.deepEqual(
    faultOf(() => readStream(body, scan)),
    ["stream", "`stream` must be true or false"],
  );
});

test("limits and end users that cannot be read are left to the vendor", () => {
  for (const [text, limit] of [
    [`{}`, null],
    [`{"limit":12.9}`, 12],
    [`{"limit":-1}`, null],
    [`{"limit":"9"}`, null],
  ] as const) {
    const { body, scan } = scanned(text);
    assert.equal(readLimit(body, scan.members["limit"]), limit, text);
  }
  const { body, scan } = scanned(`{"user":"ann"}`);
  assert.equal(readEndUser(body, scan.members["user"]), "ann");
  assert.equal(readEndUser(body, undefined), null);
  assert.equal(endUserOf(""), null);
  assert.equal(endUserOf("x".repeat(300))?.length, 256);
});
