/** A channel as it leaves: without credentials, and without the password of its proxy. */
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";
import type { CredentialRow } from "../../store/credentials.ts";
import { shownRatio } from "../../sync/money-fields.ts";
import { noChannelOptions } from "../../sync/entities.ts";
import type { AnyRow } from "../config-noun.ts";
import { spendingInputOf } from "../spending-fields.ts";
import { jsonColumn, numberColumn, presentMeta, textColumn } from "../present-value.ts";

/** The fields that can be edited, as the schema takes them; holds the proxy's password. */
export function channelInput(row: AnyRow): JsonObject {
  return {
    name: textColumn(row["name"]),
    provider: textColumn(row["provider"]),
    baseUrl: textColumn(row["base_url"]),
    models: jsonColumn(row["models"], []),
    groups: jsonColumn(row["groups"], []),
    priority: numberColumn(row["priority"], 0),
    weight: numberColumn(row["weight"], 1),
    status: textColumn(row["status"]),
    modelMapping: jsonColumn(row["model_mapping"], {}),
    headers: jsonColumn(row["headers"], {}),
    parameters: jsonColumn(row["parameters"], {}),
    proxy: textColumn(row["proxy"]),
    tag: textColumn(row["tag"]),
    timeouts: jsonColumn(row["timeouts"], {}),
    ...optionsInput(channelOptions(row)),
    ...spendingInputOf(row),
    credentialLimits: jsonColumn(row["credential_limits"], []),
    costRatio: shownRatio(row["cost_ratio"]),
  };
}

/** Broken ones are shown as they are, so that they can be seen and mended. */
function optionsInput(options: JsonObject): JsonObject {
  const usual: JsonObject = { replyModel: "asked", ...noChannelOptions };
  return Object.fromEntries(
    Object.entries(usual).map(([name, absent]) => [name, options[name] ?? absent]),
  );
}

/** Options that have no column of their own; a newer version may keep further ones there. */
export function channelOptions(row: AnyRow | undefined): JsonObject {
  const options: Json = jsonColumn(row?.["options"], {});
  return isObject(options) ? options : {};
}

export function presentChannels(
  rows: readonly AnyRow[],
  credentials: readonly CredentialRow[],
): readonly JsonObject[] {
  return rows.map((row) => ({
    ...presentMeta(row),
    ...channelInput(row),
    proxy: withoutPassword(textColumn(row["proxy"])),
    credentialCount: credentials.filter((credential) => credential.channel_id === row["id"]).length,
  }));
}

function withoutPassword(proxy: string | null): string | null {
  if (proxy === null || !URL.canParse(proxy)) return proxy;
  const url = new URL(proxy);
  if (url.password === "") return proxy;
  url.password = "***";
  return url.href;
}
