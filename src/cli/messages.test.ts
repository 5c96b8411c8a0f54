import assert from "node:assert/strict";
import { test } from "node:test";
import { english } from "./messages-en.ts";
import { chinese } from "./messages-zh.ts";
import { languageOf, makeTranslate } from "./messages.ts";

test("the language follows LOCALE and LANG values", () => {
  for (const chineseLocale of ["zh_CN", "zh_CN.UTF-8", "zh", "zh-Hans"])
    assert.equal(languageOf(chineseLocale), "zh_CN");
  for (const other of [undefined, "", "en_US.UTF-8", "C", "zhx"])
    assert.equal(languageOf(other), "en");
});

test("both languages have the same keys and the same placeholders", () => {
  assert.deepEqual(Object.keys(chinese).sort(), Object.keys(english).sort());
  const placeholders = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();
  for (const [key, text] of Object.entries(english))
    assert.deepEqual(placeholders(chinese[key as keyof typeof english]), placeholders(text), key);
});

test("values fill their places, unknown places stay", () => {
  const t = makeTranslate("en");
  assert.equal(t("note.requestId", { id: "r1" }), "request id: r1");
  assert.equal(t("note.requestId"), "request id: {id}");
});
