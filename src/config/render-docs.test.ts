/** The pages that operators read are what the code does. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { renderConfigurationPage } from "./render-docs.ts";

const docs = resolve(dirname(fileURLToPath(import.meta.url)), "../../docs");

for (const [language, path] of [
  ["en", "configuration.md"],
  ["zh", "zh-CN/configuration.md"],
] as const) {
  test(`docs/${path} is what the table of variables says`, () => {
    const page = renderConfigurationPage(language);
    const file = join(docs, path);
    if (process.env["UPDATE_DOCS"] === "1") {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, page);
    }
    assert.equal(
      readFileSync(file, "utf8"),
      page,
      "run UPDATE_DOCS=1 node --test src/config/render-docs.test.ts",
    );
  });
}
