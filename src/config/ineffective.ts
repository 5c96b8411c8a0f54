/** One Hub's variables that do nothing here: told at start with the reason, so that nobody relies on one in vain. */
import { fieldlessVariables, variables } from "./env.ts";
import type { Environment } from "./read-config.ts";

export interface Ineffective {
  readonly name: string;
  readonly reason: string;
}

const balanceWrites = "calls are always written in batches, and nothing is lost on a restart";
const poolSize = "connection pools size themselves";
const logFiles = "logs go to standard output as JSON; let the service manager keep them";
const laterFeature = "this feature is not part of Switchyard yet";
const storedSetting =
  "this is a setting of the cluster, kept in the database (PATCH /api/settings)";
const pricesApi = "prices are kept in the database (/api/prices)";
const limitsLater = "limits per address are not part of Switchyard yet; use the reverse proxy";

const ineffective: Readonly<Record<string, string>> = {
  FRONTEND_BASE_URL: "every node serves everything itself, none redirects to a master",
  USER_TOKEN_SECRET: "keys are stored as a keyed hash whose pepper the cluster makes for itself",
  HASHIDS_SALT: "keys carry no encoded ids",
  BATCH_UPDATE_ENABLED: balanceWrites,
  BATCH_UPDATE_INTERVAL: balanceWrites,
  POLLING_INTERVAL:
    "channels are not tested in a fixed rhythm; failing ones rest and return by themselves",
  CHANNEL_UPDATE_FREQUENCY: "changes are followed continuously",
  CHANNEL_TEST_FREQUENCY:
    "channels are not tested in a fixed rhythm; failing ones rest and return by themselves",
  GIN_MODE: "there is no Gin here; LOG_LEVEL sets how much is logged",
  LOG_DIR: logFiles,
  LOGS_FILENAME: logFiles,
  LOGS_MAX_SIZE: logFiles,
  LOGS_MAX_AGE: logFiles,
  LOGS_MAX_BACKUP: logFiles,
  LOGS_COMPRESS: logFiles,
  LANGUAGE: "LOCALE sets the language of messages to callers",
  FAVICON: laterFeature,
  SQLITE_BUSY_TIMEOUT: "the embedded database has one writer and needs no busy timeout",
  SQL_MAX_IDLE_CONNS: poolSize,
  SQL_MAX_OPEN_CONNS: poolSize,
  SQL_MAX_LIFETIME: poolSize,
  SQL_CONN_MAX_LIFETIME: poolSize,
  LOG_SQL_DSN: "calls are kept in the one database",
  REDIS_DB: "give the database number in REDIS_CONN_STRING, as in redis://host:6379/2",
  AUTO_PRICE_UPDATES: pricesApi,
  AUTO_PRICE_UPDATES_MODE: pricesApi,
  AUTO_PRICE_UPDATES_INTERVAL: pricesApi,
  UPDATE_PRICE_SERVICE: pricesApi,
  USER_INVOICE_MONTH: laterFeature,
  GITHUB_PROXY: laterFeature,
  DISABLE_TOKEN_ENCODERS: "no token encoder is loaded at start",
  TIKTOKEN_CACHE_DIR: "no token encoder is downloaded",
  DATA_GYM_CACHE_DIR: "no token encoder is downloaded",
  GLOBAL_API_RATE_LIMIT: limitsLater,
  GLOBAL_WEB_RATE_LIMIT: limitsLater,
  RELAY_TIMEOUT: "timeouts are set per channel (its timeouts field)",
  CONNECT_TIMEOUT: "timeouts are set per channel (its timeouts field)",
  METRICS_USER: "METRICS_TOKEN protects the metrics page",
  METRICS_PASSWORD: "METRICS_TOKEN protects the metrics page",
  MCP_ENABLE: laterFeature,
  RETRY_TIMES: storedSetting,
  INITIAL_ROOT_PASSWORD: "there are no passwords yet; use INITIAL_ROOT_ACCESS_TOKEN",
};

const ineffectivePrefixes: Readonly<Record<string, string>> = {
  TG_: laterFeature,
  NOTIFY_EMAIL_: laterFeature,
  NOTIFY_WECOM_: laterFeature,
  NOTIFY_DINGTALK_: laterFeature,
  NOTIFY_LARK_: laterFeature,
  NOTIFY_PUSHDEER_: laterFeature,
  NOTIFY_TELEGRAM_: laterFeature,
  STORAGE_: laterFeature,
  SEARCH_: laterFeature,
  UPTIME_KUMA_: laterFeature,
};

/** Set variables of One Hub that have no effect here, by name, each with the reason. */
export function ineffectiveVariables(environment: Environment): readonly Ineffective[] {
  const effective = new Set(
    [...Object.values(variables), ...fieldlessVariables].flatMap((variable) => [
      variable.name,
      ...(variable.otherNames ?? []),
    ]),
  );
  return Object.entries(environment)
    .filter(([name, value]) => (value ?? "").trim() !== "" && !effective.has(name))
    .flatMap(([name]) => {
      const prefix = Object.keys(ineffectivePrefixes).find((start) => name.startsWith(start));
      const reason =
        ineffective[name] ?? (prefix === undefined ? undefined : ineffectivePrefixes[prefix]);
      return reason === undefined ? [] : [{ name, reason }];
    })
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}
