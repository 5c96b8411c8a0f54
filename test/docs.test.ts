/** The pages that operators read are true and equal in both languages: errors, variables, commands, links. */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { nouns } from "../src/cli/nouns.ts";
import { makeProgram } from "../src/cli/program.ts";
import { fieldlessVariables, variables } from "../src/config/env.ts";
import { ineffectiveVariables } from "../src/config/ineffective.ts";
import { renderVariableTable } from "../src/config/render-docs.ts";
import { errorKinds } from "../src/core/errors.ts";
import { renderFidelityTable } from "../src/dialects/render-docs.ts";
import { publicPaths } from "../src/http/public-paths.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const english = globSync("docs/**/*.md", { cwd: root }).filter(
  (path) => !/^docs\/(zh-CN|decisions)\//.test(path),
);
const chinese = english.map((path) => path.replace("docs/", "docs/zh-CN/"));
const pages = ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", ...english, ...chinese];

test("every page exists in both languages, with the same headings, tables and commands", () => {
  assert.ok(english.length >= 6);
  for (const [page, twin] of [
    ["README.md", "README.zh-CN.md"],
    ...english.map((path) => [path, path.replace("docs/", "docs/zh-CN/")]),
  ] as const) {
    assert.ok(existsSync(join(root, twin)), twin);
    const shape = (text: string): object => ({
      headings: (text.replace(/```[^]*?```/g, "").match(/^#+/gm) ?? []).join(" "),
      tableRows: (text.match(/^\|/gm) ?? []).length,
      fences: (text.match(/^ *```\w*$/gm) ?? []).join(" "),
    });
    assert.deepEqual(shape(read(twin)), shape(read(page)), `${page} and ${twin} differ`);
  }
});

test("every error kind is in both tables, with its status, and no other is", () => {
  for (const page of ["docs/errors.md", "docs/zh-CN/errors.md"]) {
    const rows = [...read(page).matchAll(/^\| `(\w+)` \| (\d+) \|/gm)];
    const told = rows.map(([, kind = "", status = ""]) => [kind, Number(status)]);
    const real = Object.entries(errorKinds).map(([kind, { status }]) => [kind, status]);
    assert.deepEqual(told, real, page);
  }
});

test("the README's table of variables is what the code reads", () => {
  for (const [page, language] of [
    ["README.md", "en"],
    ["README.zh-CN.md", "zh"],
  ] as const) {
    const pattern = /(<!-- config:begin -->\n)[^]*?(\n<!-- config:end -->)/;
    const text = read(page);
    const wanted = text.replace(
      pattern,
      (_, begin: string, end: string) => `${begin}\n${renderVariableTable(language)}\n${end}`,
    );
    if (process.env["UPDATE_DOCS"] === "1") writeFileSync(join(root, page), wanted);
    assert.match(text, pattern);
    assert.equal(read(page), wanted, "run UPDATE_DOCS=1 node --test test/docs.test.ts");
  }
});

test("the page's table of features is what the gateway judges by", () => {
  for (const [page, language] of [
    ["docs/translation.md", "en"],
    ["docs/zh-CN/translation.md", "zh"],
  ] as const) {
    const pattern = /(<!-- fidelity:begin -->\n)[^]*?(\n?<!-- fidelity:end -->)/;
    const text = read(page);
    assert.match(text, pattern);
    const table = renderFidelityTable(language);
    const wanted = text.replace(
      pattern,
      () => `<!-- fidelity:begin -->\n\n${table}\n\n<!-- fidelity:end -->`,
    );
    if (process.env["UPDATE_DOCS"] === "1") writeFileSync(join(root, page), wanted);
    assert.equal(read(page), wanted, "run UPDATE_DOCS=1 node --test test/docs.test.ts");
  }
});

test("every path that is served is on the page, and what the page names is served", () => {
  const served = publicPaths.map(({ path }) =>
    path
      .replace(/\/models\/\*$/, "/models/MODEL")
      .replace(":version", "VERSION")
      .replace(":project", "PROJECT")
      .replace(":location", "LOCATION")
      .replace(":model", "MODEL")
      .replaceAll(/:[ab]\b/g, "ID"),
  );
  for (const page of ["docs/translation.md", "docs/zh-CN/translation.md"]) {
    const [, table = ""] = /## [^\n]+\n[^]*?\n(\| [^]*?\n)\n/.exec(read(page)) ?? [];
    const rows = table
      .split("\n")
      .slice(2, -1)
      .map((row) => row.split(" | "));
    const told = rows.flatMap(([, before = "", behind = ""]) => {
      const words = (cell: string): string[] =>
        [...cell.matchAll(/`(\/[^`]*)`/g)].map(([, word = ""]) => word);
      const projects = words(before).filter((word) => word.startsWith("/projects"));
      const prefixes = ["", ...words(before).filter((word) => !word.startsWith("/projects"))];
      const all = prefixes.flatMap((prefix) => [
        prefix,
        ...projects.map((inner) =>
          prefix.replace(/^(\/v1(?:beta1)?)(?=\/publishers)/, `$1${inner}`),
        ),
      ]);
      return words(behind).flatMap((path) => all.map((prefix) => prefix + path));
    });
    const covers = (word: string, path: string): boolean =>
      word.endsWith("/…")
        ? path === word.slice(0, -2) || path.startsWith(word.slice(0, -1))
        : word === path;
    for (const path of served)
      assert.ok(
        told.some((word) => covers(word, path)),
        `${page}: ${path}`,
      );
    for (const [, word = ""] of table.matchAll(/`(\/[^`]*)`/g)) {
      const path = word.replace("MODEL:ACTION", "MODEL").replace(/\/…$/, "");
      const known = [...served, "/realtime", ...served.map((one) => one.replaceAll("/ID", ""))];
      assert.ok(
        known.some((one) => one.includes(path)),
        `${page} names ${word}`,
      );
    }
  }
});

test("links between pages lead somewhere", () => {
  let links = 0;
  for (const page of pages)
    for (const [, target = ""] of read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      links += 1;
      const path = normalize(join(root, dirname(page), target));
      assert.ok(existsSync(path), `${page} links to ${target}`);
    }
  assert.ok(links > 10);
});

test("variables that pages name exist, or are told to have no effect", () => {
  const table = [...Object.values(variables), ...fieldlessVariables];
  const known = new Set<string>([
    ...table.flatMap(({ name, otherNames = [] }) => [name, ...otherNames]),
    ..."SWITCHYARD_URL SWITCHYARD_TOKEN TEST_POSTGRES_URL TEST_MYSQL_URL TEST_REDIS_URL".split(" "),
    ..."CI GW_KEY UPDATE_DOCS UPDATE_CASES SWITCHYARD_RECORD_KEY OPENAI_API_KEY OPENAI_BASE_URL POSTGRES_PASSWORD PUBLISH LANG".split(
      " ",
    ),
  ]);
  for (const page of pages)
    for (const [, name = ""] of read(page).matchAll(/`([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?:=[^`]*)?`/g)) {
      if (known.has(name.replace(/_FILE$/, ""))) continue;
      assert.equal(ineffectiveVariables({ [name]: "x" }).length, 1, `${page} names ${name}`);
    }
});

test("commands that pages name exist, with their flags", async () => {
  const lines = pages.flatMap((page) =>
    [...read(page).matchAll(/(?:^|`|&& |exec \S+ )switchyard ((?:[a-z][\w-]*)[^`\n#|]*)/gm)].map(
      ([, line = ""]) => ({ page, line: line.trim().replace(/\\$/, "") }),
    ),
  );
  const verbs = new Set([...nouns.map(({ name }) => name), "sync", "ledger", "codes"]);
  for (const { page, line } of lines) {
    const words = line.split(/\s+/);
    const path = verbs.has(words[0] ?? "") ? words.slice(0, 2) : [words[0]];
    const help: string[] = [];
    const program = makeProgram({
      version: "",
      environment: () => undefined,
      print: (text) => help.push(text),
      printError: () => undefined,
      readStdin: async () => "",
      serve: async () => 0,
      renewSetupLink: async () => "",
      doctorProbes: () => ({ config: { faults: [], ineffective: [] }, machine: undefined }),
    });
    const code = await program.run([...path.filter((word) => word !== undefined), "--help"]);
    assert.equal(code, 0, `${page}: switchyard ${line}`);
    for (const flag of line.match(/(?<= )--[a-z][\w-]*/g) ?? [])
      assert.ok(help.join("\n").includes(flag), `${page}: ${flag} of switchyard ${line}`);
  }
  assert.ok(lines.length > 10);
});
