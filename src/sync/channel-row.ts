/** A row of `channels` as a channel, checked by the rules of channel-fields.ts. */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { RawRow } from "../store/sync-store.ts";
import { channelFields } from "./channel-fields.ts";
import { optionsColumn } from "./channel-options.ts";
import { noChannelOptions } from "./entities.ts";
import type { Channel, ChannelOptions } from "./entities.ts";
import {
  limitsField,
  ratioColumn,
  ratioRule,
  spendingColumns,
  spendingFields,
} from "./money-fields.ts";
import { entityId, integer, json, parseColumns, plain } from "./row-columns.ts";

const columns = {
  name: plain("name"),
  provider: plain("provider"),
  baseUrl: plain("base_url"),
  models: json("models"),
  groups: json("groups"),
  priority: integer("priority"),
  weight: integer("weight"),
  status: plain("status"),
  modelMapping: json("model_mapping", {}),
  headers: json("headers", {}),
  parameters: json("parameters", {}),
  proxy: plain("proxy"),
  tag: plain("tag"),
  timeouts: json("timeouts", {}),
  options: json("options", {}),
  ...spendingColumns,
  credentialLimits: json("credential_limits", []),
  costRatio: { ...ratioRule, column: "cost_ratio" },
};

const schema = z.object({
  ...channelFields,
  ...spendingFields,
  credentialLimits: limitsField,
  costRatio: ratioColumn,
  options: optionsColumn,
});

/** Throws RowFault. Without credentials: they are rows of their own. */
export function parseChannelRow(row: RawRow): Channel {
  const id = entityId(row);
  const { status, options, baseUrl, ...values } = parseColumns(row, schema, columns);
  return Object.freeze({
    ...values,
    id,
    rev: Number(row.rev),
    baseUrl: baseUrl === null ? null : baseUrl.replace(/\/+$/, ""),
    models: [...new Set(values.models)],
    groups: [...new Set(values.groups)],
    enabled: status === "enabled",
    replyModel: options.replyModel,
    options: readOptions(options),
    credentials: [],
  });
}

/** Channels that order nothing share one object: there may be very many of them. */
function readOptions(options: z.output<typeof optionsColumn>): ChannelOptions {
  const names = Object.keys(noChannelOptions) as (keyof ChannelOptions)[];
  const own = Object.fromEntries(names.map((name) => [name, options[name]]));
  return isDeepStrictEqual(own, noChannelOptions) ? noChannelOptions : (own as typeof options);
}
