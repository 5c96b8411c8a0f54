/** Variables of prices, of the journal and of budgets: a part of the one table (env.ts). */
import type { Config, LogStoreSettings } from "./config.ts";
import { parseBoolean, parseDuration, parseSize, parseWord } from "./env-parsers.ts";
import type { Parser } from "./env-parsers.ts";
import type { Variable } from "./variable.ts";

/** No part of the text stands in a fault: it holds a password. */
const parseLogStore: Parser<LogStoreSettings> = (text) => {
  const fault = "must be a URL such as https://user:password@host:8443/database";
  if (!URL.canParse(text)) return { fault };
  const { protocol, host, origin, pathname, search, hash, username, password } = new URL(text);
  if (!["http:", "https:"].includes(protocol) || host === "") return { fault };
  if (search !== "" || hash !== "") return { fault: `${fault}, without ? and #` };
  const database = pathname.slice(1).replace(/\/$/, "");
  if (!/^\w{0,64}$/.test(database))
    return { fault: `${fault}; the database's name may hold letters, digits and _` };
  try {
    const value = {
      origin,
      database: database === "" ? "default" : database,
      user: username === "" ? "default" : decodeURIComponent(username),
      password: decodeURIComponent(password),
    };
    return { value };
  } catch {
    return { fault: "has a % in its user or password that must be written as %25" };
  }
};

type MoneyField =
  | "seedPrices"
  | "budgetMaxStaleMs"
  | "journalSync"
  | "journalMaxBytes"
  | "logStore";

export const moneyVariables: { readonly [Field in MoneyField]: Variable<Config[Field]> } = {
  seedPrices: {
    name: "SEED_PRICES",
    parse: parseBoolean,
    fallback: undefined,
    shown: "with the setup link",
    en: "Whether a new gateway is given the built-in prices when its first account is made. Unset: when it is made through the setup link, not when `INITIAL_ROOT_ACCESS_TOKEN` or `INITIAL_ROOT_TOKEN` makes it.",
    zh: "创建首个账户时是否导入内置价格。不设置：通过初始化链接创建时导入，由 `INITIAL_ROOT_ACCESS_TOKEN` 或 `INITIAL_ROOT_TOKEN` 创建时不导入。",
  },
  budgetMaxStaleMs: {
    name: "BUDGET_MAX_STALE",
    parse: parseDuration,
    fallback: 15 * 60_000,
    shown: "15m",
    en: "How long this node spends the parts of budgets that it holds while the database cannot be asked; then callers with budgets get 503.",
    zh: "数据库无法访问时，本节点可继续使用其持有的预算份额的最长时间；超过后有预算的调用方收到 503。",
  },
  journalSync: {
    name: "JOURNAL_SYNC",
    parse: parseWord("interval", "group"),
    fallback: "interval",
    shown: "interval",
    en: "`interval`: the journal of calls is forced to the disk every 50 ms, so that a power loss may take the last 50 ms of answered calls. `group`: each answer waits for the disk, many at a time.",
    zh: "`interval`：调用日志每 50 毫秒强制落盘，断电最多丢失最后 50 毫秒已应答的调用。`group`：每个应答都等待落盘，多个应答合并一次。",
  },
  journalMaxBytes: {
    name: "JOURNAL_MAX_SIZE",
    parse: parseSize,
    fallback: 2 * 1024 ** 3,
    shown: "2GB",
    en: "Most that calls which are not yet in the database may take on this node's disk. Shortly before it is full, the node is unready and callers with budgets get 503.",
    zh: "尚未写入数据库的调用在本节点磁盘上可占用的上限。接近上限时节点变为未就绪，有预算的调用方收到 503。",
  },
  logStore: {
    name: "LOG_STORE_URL",
    parse: parseLogStore,
    fallback: undefined,
    shown: "",
    secret: true,
    en: "ClickHouse to which the row of each call is sent on, over HTTP: `https://user:password@host:8443/database`. Set, rows leave the database only once they stand there. See docs/ledger.md. Unset: they lie in the database alone.",
    zh: "通过 HTTP 转存每个调用行的 ClickHouse：`https://user:password@host:8443/database`。设置后，只有已存在于其中的行才会从数据库删除，参见 docs/zh-CN/ledger.md。不设置则只保存在数据库中。",
  },
};
