/** The pages' table of providers is the manifests' own. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { providers } from "./registry.ts";
import { renderProviderTable } from "./render-docs.ts";

const root = join(import.meta.dirname, "../..");

for (const [page, language] of [
  ["docs/channels.md", "en"],
  ["docs/zh-CN/channels.md", "zh"],
] as const)
  test(`${page} lists every provider`, () => {
    const path = join(root, page);
    const text = readFileSync(path, "utf8");
    const pattern = /(<!-- providers:begin -->\n)[^]*?(\n<!-- providers:end -->)/;
    assert.match(text, pattern);
    const table = `\n${renderProviderTable(language)}\n`;
    const wanted = text.replace(
      pattern,
      (_, begin: string, end: string) => `${begin}${table}${end}`,
    );
    if (process.env["UPDATE_DOCS"] === "1") writeFileSync(path, wanted);
    assert.equal(text, wanted, "run UPDATE_DOCS=1 node --test src/providers/render-docs.test.ts");
    for (const { id } of providers) assert.ok(text.includes(`| \`${id}\` |`), id);
  });
