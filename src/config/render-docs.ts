/** Renders the table of variables as documentation, in both languages, so that the pages cannot drift from the code. */
import { fieldlessVariables, variables } from "./env.ts";
import type { Variable } from "./variable.ts";

/** Languages of the documentation. */
export type DocumentationLanguage = "en" | "zh";

const heads = {
  en: ["Variable", "Default", "Meaning"],
  zh: ["变量", "默认值", "含义"],
} as const;

const fileNotes = { en: " Also as `NAME_FILE`.", zh: " 也可用 `NAME_FILE`。" } as const;

/** The Markdown table of all variables. */
export function renderVariableTable(language: DocumentationLanguage): string {
  const rows = [...Object.values<Variable<unknown>>(variables), ...fieldlessVariables].map(
    (variable) => row([nameCell(variable), defaultCell(variable), meaningCell(variable, language)]),
  );
  return [row(heads[language]), "| --- | --- | --- |", ...rows].join("\n");
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function nameCell(variable: Variable<unknown>): string {
  return [variable.name, ...(variable.otherNames ?? [])].map((name) => `\`${name}\``).join(", ");
}

function defaultCell(variable: Variable<unknown>): string {
  return variable.shown === "" ? "" : `\`${variable.shown}\``;
}

function meaningCell(variable: Variable<unknown>, language: DocumentationLanguage): string {
  const note = variable.secret === true ? fileNotes[language].replace("NAME", variable.name) : "";
  return `${variable[language]}${note}`;
}

const texts = {
  en: {
    title: "# Configuration",
    intro: [
      "Start-up settings are environment variables, read once. Everything else (channels, keys, prices, …) is kept in the database and managed over the API.",
      "A set but empty variable counts as unset. All faults are reported at once and the process ends with exit code 2. A secret may come from a file: `SQL_DSN_FILE=/run/secrets/dsn`. Durations are seconds, or carry a unit (`500ms`, `20s`, `15m`, `24h`); sizes may carry `KB`, `MB`, `GB` (powers of 1024).",
      "Names are One Hub's where One Hub has one. A variable of One Hub that has no effect here is listed in the log at start, with the reason.",
    ],
    generated:
      "<!-- The table is generated from src/config/env.ts: UPDATE_DOCS=1 node --test src/config/render-docs.test.ts -->",
  },
  zh: {
    title: "# 配置",
    intro: [
      "启动设置是环境变量，只读取一次。其余一切（渠道、密钥、价格……）保存在数据库中，通过 API 管理。",
      "已设置但为空的变量视为未设置。所有错误会一次性列出，进程以退出码 2 结束。密钥类变量可以来自文件：`SQL_DSN_FILE=/run/secrets/dsn`。时长以秒计，或带单位（`500ms`、`20s`、`15m`、`24h`）；大小可带 `KB`、`MB`、`GB`（1024 的幂）。",
      "凡 One Hub 有的变量均沿用其名称。对本产品不起作用的 One Hub 变量会在启动日志中列出并说明原因。",
    ],
    generated:
      "<!-- 下表由 src/config/env.ts 生成：UPDATE_DOCS=1 node --test src/config/render-docs.test.ts -->",
  },
} as const;

/** The whole page `docs/configuration.md` (`docs/zh-CN/configuration.md`). */
export function renderConfigurationPage(language: DocumentationLanguage): string {
  const { title, intro, generated } = texts[language];
  return [title, ...intro, generated, renderVariableTable(language), ""]
    .join("\n\n")
    .replace(/\n+$/, "\n");
}
