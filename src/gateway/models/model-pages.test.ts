/** Pages of lists of models that only the vendors' own hosts answer; the others are asked in admin/upstream-models.test.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { pageReaders } from "./model-pages.ts";

test("Bedrock: models first, then all pages of inference profiles", () => {
  const read = (body: unknown): unknown => pageReaders.bedrock(body, "/foundation-models", "");
  assert.deepEqual(read({ modelSummaries: [{ modelId: "amazon.nova-pro-v1:0", modelArn: "x" }] }), {
    ids: ["amazon.nova-pro-v1:0"],
    next: "/inference-profiles?maxResults=1000",
  });
  const profile = { inferenceProfileId: "us.anthropic.claude-sonnet-4-6" };
  assert.deepEqual(read({ inferenceProfileSummaries: [profile], nextToken: "a/b=" }), {
    ids: ["us.anthropic.claude-sonnet-4-6"],
    next: "/inference-profiles?maxResults=1000&nextToken=a%2Fb%3D",
  });
  assert.deepEqual(read({ inferenceProfileSummaries: [] }), { ids: [], next: null });
  assert.equal(read({ message: "no" }), undefined);
});

test("Cloudflare: page after page until one is empty", () => {
  const path = "/ai/models/search?per_page=100";
  const url = `https://api.cloudflare.com${path}`;
  const read = (body: unknown, at: string): unknown => pageReaders.cloudflare(body, path, at);
  assert.deepEqual(read({ result: [{ id: "1", name: "@cf/a" }] }, url), {
    ids: ["@cf/a"],
    next: `${path}&page=2`,
  });
  assert.deepEqual(read({ result: [{ name: "@cf/b" }] }, `${url}&page=2`), {
    ids: ["@cf/b"],
    next: `${path}&page=3`,
  });
  assert.deepEqual(read({ result: [] }, `${url}&page=3`), { ids: [], next: null });
  assert.equal(read({ success: false }, url), undefined);
});

test("what is no list is told apart from an empty one", () => {
  for (const [shape, read] of Object.entries(pageReaders)) {
    for (const body of [undefined, null, 5, "x", [5], {}]) {
      const page = read(body, "/models", "http://h/models");
      const empty = shape === "gemini" || Array.isArray(body);
      if (!empty) assert.equal(page, undefined, `${shape} ${JSON.stringify(body)}`);
      else assert.deepEqual(page?.ids ?? [], [], shape);
    }
  }
});
