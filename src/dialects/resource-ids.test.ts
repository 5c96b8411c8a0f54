// Ids stand where vendors put them, and free text is never taken for one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { idIn, idRulesOf, kindAt, resourceRulesOf, responseRules } from "./resource-ids.ts";

test("ids by the name of their member, or by their whole path", () => {
  const rules = responseRules(true);
  assert.equal(kindAt(rules, ["id"]), "response");
  assert.equal(kindAt(rules, ["response", "id"]), "response");
  assert.equal(kindAt(rules, ["item", "id"]), "item");
  assert.equal(kindAt(rules, ["response", "output", "content", "annotations", "file_id"]), "file");
  assert.equal(kindAt(rules, ["tools", "container"]), "container");
  assert.equal(kindAt(rules, ["tools", "id"]), undefined);
  assert.equal(kindAt(rules, []), undefined);
  assert.equal(kindAt(rules, ["toString"]), undefined);
  assert.equal(kindAt(responseRules(false), ["response", "id"]), undefined);
  assert.equal(kindAt(responseRules(false), ["tools", "container"]), "container");
  const batch = resourceRulesOf("openai-chat", "batch");
  assert.equal(kindAt(batch, ["data", "id"]), "batch");
  assert.equal(kindAt(batch, ["data", "input_file_id"]), "file");
  assert.equal(kindAt(resourceRulesOf("openai-chat", undefined), ["id"]), undefined);
  const cache = resourceRulesOf("gemini-content", "cached-content");
  assert.equal(kindAt(cache, ["cachedContents", "name"]), "cached-content");
  assert.equal(kindAt(cache, ["cachedContents", "displayName"]), undefined);
});

test("what callers and models write freely is opaque", () => {
  for (const [dialect, names] of [
    ["openai-chat", ["metadata", "parameters", "schema"]],
    ["openai-responses", ["metadata", "parameters", "schema", "attributes"]],
    ["anthropic-messages", ["input", "input_schema", "metadata"]],
    ["gemini-content", ["args", "response", "parameters"]],
  ] as const)
    for (const name of names) assert.ok(idRulesOf(dialect, "chat")?.opaque.includes(name), name);
});

test("every rule has a word without which a body need not be read", () => {
  for (const dialect of [
    "openai-chat",
    "openai-responses",
    "openai-media",
    "anthropic-messages",
    "gemini-content",
  ] as const) {
    const rules = idRulesOf(dialect, "chat") ?? resourceRulesOf(dialect, undefined);
    for (const member of Object.keys(rules.members)) {
      // Of replies alone.
      if (/^\/(message|delta|response|file|files|uri|downloadUri|requests)(\/|$)/.test(member))
        continue;
      if (member === "results_url") continue;
      const name = JSON.stringify(member.split("/").at(member.startsWith("/") ? 1 : 0));
      const told = rules.needles.some((needle) => name.includes(needle));
      const ofResources = ["input_file_id", "output_file_id", "error_file_id"].includes(member);
      if (dialect === "openai-responses" && !told) {
        assert.match(member, /training|validation|result|part_ids|upload/);
        continue;
      }
      assert.ok(told || ofResources, `${dialect}: ${member}`);
    }
  }
  assert.equal(idRulesOf("openai-chat", "embeddings"), undefined);
});

test("an id may be the end of a URL", () => {
  const uri = "https://generativelanguage.googleapis.com/v1beta/files/abc-1";
  assert.deepEqual(idIn("gemini-content", ["fileData", "fileUri"], uri), {
    before: "https://generativelanguage.googleapis.com/v1beta/",
    id: "files/abc-1",
    behind: "",
  });
  assert.deepEqual(idIn("gemini-content", ["file", "downloadUri"], `${uri}:download?alt=media`), {
    before: "https://generativelanguage.googleapis.com/v1beta/",
    id: "files/abc-1",
    behind: ":download?alt=media",
  });
  for (const other of ["https://youtu.be/x", "gs://bucket/files.pdf", ""])
    assert.equal(idIn("gemini-content", ["fileUri"], other), undefined, other);
  const results = "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results";
  assert.deepEqual(idIn("anthropic-messages", ["results_url"], results), {
    before: "/v1/messages/batches/",
    id: "msgbatch_1",
    behind: "/results",
  });
});
