import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { findWebSocketPath } from "./websocket-paths.ts";

test("slashes, queries and case count as for every other path", () => {
  for (const url of [
    "/v1/realtime",
    "/v1/realtime?model=m",
    "//v1//realtime/",
    "/realtime/",
    "/openai/realtime?deployment=d",
  ])
    assert.equal(findWebSocketPath(url)?.operation, "realtime", url);
  for (const url of ["/v1/responses", "/responses?x", "/openai/v1/responses/", "/openai/responses"])
    assert.equal(findWebSocketPath(url)?.dialect, "openai-responses", url);
  for (const url of [
    "",
    "/",
    "/v1",
    "/v1/realtimes",
    "/v1/responses/x",
    "/V1/realtime",
    "/v1/chat/completions",
    "/toString",
    "/__proto__",
  ])
    assert.equal(findWebSocketPath(url), undefined, url);
});

test("the page for operators lists these paths", () => {
  for (const page of ["docs/websockets.md", "docs/zh-CN/websockets.md"]) {
    const text = readFileSync(new URL(`../../${page}`, import.meta.url), "utf8");
    const told = [...text.matchAll(/^\| `(\/[^`?]*)/gm)].map(([, path = ""]) => path);
    assert.equal(told.length, 8);
    for (const path of told) assert.notEqual(findWebSocketPath(path), undefined, path);
  }
});
