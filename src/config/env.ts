/**
 * The one table of environment variables: reading, the start-up check and the documentation all come from it.
 * Names are One Hub's where One Hub has one.
 */
import type { Config } from "./config.ts";
import { isAddressRange } from "./address-range.ts";
import {
  parseBoolean,
  parseDuration,
  parseHeaderName,
  parseInteger,
  parseSecret,
  parseSize,
  parseText,
  parseUrl,
  parseWord,
} from "./env-parsers.ts";
import type { Parser } from "./env-parsers.ts";
import { moneyVariables } from "./money-variables.ts";
import type { Variable } from "./variable.ts";

const parseRedis: Parser<{ readonly url: string }> = (text) => {
  const parsed = parseUrl("redis:", "rediss:")(text);
  return "fault" in parsed ? parsed : { value: { url: parsed.value } };
};

const parseRanges: Parser<readonly string[]> = (text) => {
  const value = text.split(/[\s,]+/).filter((part) => part !== "");
  const wrong = value.filter((part) => !isAddressRange(part));
  if (wrong.length === 0) return { value };
  return {
    fault: `must be addresses or ranges such as 10.0.0.0/8, 192.0.2.7, 2001:db8::/32; not: ${wrong.join(", ")}`,
  };
};

/** The table: one row for each field of {@link Config}. */
export const variables: { readonly [Field in keyof Config]: Variable<Config[Field]> } = {
  host: {
    name: "HOST",
    parse: parseText,
    fallback: "127.0.0.1",
    shown: "127.0.0.1",
    en: "Address to listen on. The container image sets 0.0.0.0.",
    zh: "监听地址。容器镜像中设为 0.0.0.0。",
  },
  port: {
    name: "PORT",
    parse: parseInteger(0, 65_535),
    fallback: 3000,
    shown: "3000",
    en: "Port to listen on; 0 takes a free one.",
    zh: "监听端口；0 表示自动选择空闲端口。",
  },
  sqlDsn: {
    name: "SQL_DSN",
    parse: parseText,
    fallback: undefined,
    shown: "",
    secret: true,
    en: "Database shared by all nodes: `postgres://…`, `mysql://…` or Go's `user:password@tcp(host:3306)/database`. Unset: an embedded SQLite file.",
    zh: "所有节点共用的数据库：`postgres://…`、`mysql://…` 或 Go 的 `user:password@tcp(host:3306)/database`。不设置则使用内嵌 SQLite 文件。",
  },
  secretKey: {
    name: "SECRET_KEY",
    otherNames: ["SESSION_SECRET"],
    parse: parseSecret(16),
    fallback: undefined,
    shown: "",
    secret: true,
    en: "Root of all secrets, at least 16 characters, the same on every node; required with `SQL_DSN`. An embedded install makes one and keeps it in `DATA_DIR/secret-key`. One Hub's `SESSION_SECRET` is read when this is unset.",
    zh: "所有密钥的根，至少 16 个字符，所有节点必须相同；设置 `SQL_DSN` 时必填。内嵌安装会自动生成并保存在 `DATA_DIR/secret-key`。未设置时读取 One Hub 的 `SESSION_SECRET`。",
  },
  nodeType: {
    name: "NODE_TYPE",
    parse: parseWord("master", "slave"),
    fallback: "unset",
    shown: "",
    en: "`master` or unset: may run the singleton jobs. `slave`: never does, otherwise equal; needs `SQL_DSN`. Has no influence on config sync: every node follows the database.",
    zh: "`master` 或不设置：可执行单例任务。`slave`：从不执行单例任务，其余完全相同；需要 `SQL_DSN`。不影响配置同步：每个节点都跟随数据库。",
  },
  syncFrequencyMs: {
    name: "SYNC_FREQUENCY",
    parse: parseSeconds,
    fallback: 60_000,
    shown: "60",
    en: "Seconds (1–86400) between full reconciliations with the database: the safety net under the continuous following of changes, which it can neither slow nor stop.",
    zh: "与数据库完整核对的间隔秒数（1–86400）。这是持续跟随变更之下的安全网，既不能减慢也不能关闭持续跟随。",
  },
  memoryCacheEnabled: {
    name: "MEMORY_CACHE_ENABLED",
    parse: parseBoolean,
    fallback: true,
    shown: "true",
    en: "Caches of keys and users; `false` looks them up for each call. Has no influence on config sync.",
    zh: "密钥与用户的缓存；`false` 时每次调用都查询数据库。不影响配置同步。",
  },
  redis: {
    name: "REDIS_CONN_STRING",
    parse: parseRedis,
    fallback: undefined,
    shown: "",
    secret: true,
    en: "Optional accelerator: `redis://…` or `rediss://…` (TLS). Absent or down, everything still works.",
    zh: "可选加速器：`redis://…` 或 `rediss://…`（TLS）。缺失或故障时一切照常工作。",
  },
  dataDir: {
    name: "DATA_DIR",
    parse: parseText,
    fallback: "data",
    shown: "data",
    en: "Folder for everything kept on disk: embedded database, journals, the last good configuration.",
    zh: "磁盘数据目录：内嵌数据库、日志文件、最后一份可用配置。",
  },
  sqlitePath: {
    name: "SQLITE_PATH",
    parse: parseText,
    fallback: "",
    shown: "DATA_DIR/switchyard.db",
    en: "File of the embedded database.",
    zh: "内嵌数据库文件。",
  },
  snapshotDir: {
    name: "SNAPSHOT_DIR",
    parse: parseText,
    fallback: undefined,
    shown: "",
    en: "Folder shared by all nodes for a copy of the configuration, so that a new node starts while the database is down.",
    zh: "所有节点共享的配置副本目录，使新节点在数据库故障时也能启动。",
  },
  trustedProxies: {
    name: "TRUSTED_PROXIES",
    parse: parseRanges,
    fallback: [],
    shown: "",
    en: "Address ranges (comma-separated; `loopback` and `private` are words for theirs) of proxies whose `X-Forwarded-For` is believed. Unset: nobody's.",
    zh: "可信代理的地址段（逗号分隔；`loopback`、`private` 为预设），仅采信它们的 `X-Forwarded-For`。不设置则一律不采信。",
  },
  trustedHeader: {
    name: "TRUSTED_HEADER",
    parse: parseHeaderName,
    fallback: undefined,
    shown: "",
    en: "Header in which those proxies give the caller's address (such as `CF-Connecting-IP`), read instead of `X-Forwarded-For`.",
    zh: "可信代理传递客户端地址所用的请求头（如 `CF-Connecting-IP`），代替 `X-Forwarded-For`。",
  },
  drainTimeoutMs: {
    name: "DRAIN_TIMEOUT",
    parse: parseDuration,
    fallback: 20_000,
    shown: "20s",
    en: "Time that running calls have to finish after SIGTERM.",
    zh: "收到 SIGTERM 后留给进行中调用的完成时间。",
  },
  drainGraceMs: {
    name: "DRAIN_GRACE",
    parse: parseDuration,
    fallback: 5000,
    shown: "5s",
    en: "Time that new connections are still accepted after SIGTERM, since load balancers lag.",
    zh: "收到 SIGTERM 后继续接受新连接的时间（负载均衡器有延迟）。",
  },
  metricsToken: {
    name: "METRICS_TOKEN",
    parse: parseSecret(8),
    fallback: undefined,
    shown: "",
    secret: true,
    en: "Bearer token for `GET /metrics`. Unset: only from loopback.",
    zh: "`GET /metrics` 的 Bearer 令牌。不设置则仅限本机访问。",
  },
  logLevel: {
    name: "LOG_LEVEL",
    parse: parseWord("debug", "info", "warn", "error"),
    fallback: "info",
    shown: "info",
    en: "Least level of log lines: `debug`, `info`, `warn`, `error`.",
    zh: "日志级别：`debug`、`info`、`warn`、`error`。",
  },
  locale: {
    name: "LOCALE",
    parse: parseWord("en", "zh_CN"),
    fallback: "en",
    shown: "en",
    en: "Language of messages to callers: `en` or `zh_CN`.",
    zh: "返回给调用方的消息语言：`en` 或 `zh_CN`。",
  },
  initialRootAccessToken: {
    name: "INITIAL_ROOT_ACCESS_TOKEN",
    parse: parseSecret(32),
    fallback: undefined,
    shown: "",
    secret: true,
    en: "Unattended first start: management token (≥ 32 characters) of the root account. Acts only while no account exists.",
    zh: "无人值守首次启动：root 账户的管理令牌（≥ 32 个字符）。仅在没有任何账户时生效。",
  },
  initialRootToken: {
    name: "INITIAL_ROOT_TOKEN",
    parse: parseSecret(32),
    fallback: undefined,
    shown: "",
    secret: true,
    en: "Unattended first start: the root account's first API key (≥ 32 characters). Acts only while no account exists.",
    zh: "无人值守首次启动：root 账户的首个 API 密钥（≥ 32 个字符）。仅在没有任何账户时生效。",
  },
  syncBell: {
    name: "SYNC_BELL",
    parse: parseWord("auto", "none"),
    fallback: "auto",
    shown: "auto",
    en: "`none` switches off push notices of changes, for measuring; the following of the database stays as fast.",
    zh: "`none` 关闭变更推送通知（用于测量）；对数据库的跟随速度不变。",
  },
  authMaxStaleMs: {
    name: "AUTH_MAX_STALE",
    parse: parseDuration,
    fallback: undefined,
    shown: "no limit",
    en: "How long known keys are served from cache while the database cannot be asked.",
    zh: "数据库无法访问时，继续用缓存服务已知密钥的最长时间。",
  },
  lkgMaxAgeMs: {
    name: "LKG_MAX_AGE",
    parse: parseDuration,
    fallback: undefined,
    shown: "no limit",
    en: "Oldest configuration copy on disk that a node may start from while the database is down.",
    zh: "数据库故障时，节点可用于启动的磁盘配置副本的最长时效。",
  },
  maxBodyBytes: {
    name: "MAX_BODY_SIZE",
    parse: parseSize,
    fallback: 32 * 1024 ** 2,
    shown: "32MB",
    en: "Largest JSON body of a call.",
    zh: "单次调用 JSON 请求体的最大值。",
  },
  maxHeldBytes: {
    name: "MAX_HELD_SIZE",
    parse: parseSize,
    fallback: 512 * 1024 ** 2,
    shown: "512MB",
    en: "Largest total of all bodies held at one time; beyond it callers get 503.",
    zh: "同时持有的请求体总量上限；超出后返回 503。",
  },
  ...moneyVariables,
  mediaAllowedRanges: {
    name: "MEDIA_ALLOWED_RANGES",
    parse: parseRanges,
    fallback: [],
    shown: "",
    en: "Inner address ranges (comma-separated; `loopback`, `private`) from which callers may have images and documents fetched by URL, on any port. Unset: only from the public internet.",
    zh: "允许调用方通过 URL 抓取图片与文档的内网地址段（逗号分隔；`loopback`、`private` 为预设），端口不限。不设置则仅限公网。",
  },
};

function parseSeconds(text: string): ReturnType<Parser<number>> {
  const parsed = parseInteger(1, 86_400)(text);
  return "fault" in parsed
    ? { fault: "must be a whole number of seconds from 1 to 86400" }
    : { value: parsed.value * 1000 };
}

/** Variables that are checked or documented but have no field: their effect is elsewhere. */
export const fieldlessVariables: readonly Variable<unknown>[] = [
  {
    name: "WORKERS",
    fallback: 1,
    shown: "1",
    parse: (text) =>
      text === "1"
        ? { value: 1 }
        : {
            fault:
              "more than one process in one node is not supported yet; start more nodes instead",
          },
    en: "Processes that share the port. Only `1` is supported yet; start more nodes instead.",
    zh: "共享端口的进程数。目前仅支持 `1`；请改为启动更多节点。",
  },
  {
    name: "TZ",
    parse: parseText,
    fallback: "",
    shown: "system",
    en: "Time zone of log lines and reports; stored times are always UTC.",
    zh: "日志与报表的时区；存储的时间始终为 UTC。",
  },
];
