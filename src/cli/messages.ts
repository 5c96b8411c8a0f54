/** Chooses the language of help and messages. Promise kept here: both languages say the same, key by key. */
import { english } from "./messages-en.ts";
import type { MessageKey } from "./messages-en.ts";
import { chinese } from "./messages-zh.ts";

export type { MessageKey } from "./messages-en.ts";
export type Language = "en" | "zh_CN";

/** Gives a message with its `{names}` replaced. */
export type Translate = (key: MessageKey, values?: Readonly<Record<string, string>>) => string;

/** The language for a `LOCALE` or `LANG` value such as `zh_CN.UTF-8`; anything but Chinese is English. */
export function languageOf(locale: string | undefined): Language {
  return /^zh([_.-]|$)/i.test(locale ?? "") ? "zh_CN" : "en";
}

/** The messages of one language. */
export function makeTranslate(language: Language): Translate {
  const table: Readonly<Record<MessageKey, string>> = language === "zh_CN" ? chinese : english;
  return (key, values = {}) =>
    table[key].replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}
