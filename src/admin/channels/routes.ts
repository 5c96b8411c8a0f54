/** Channels: upstream accounts, their credentials sealed, and the test of one by a small real call. */
import { z } from "zod";
import { findChannel, listChannels } from "../../store/channels.ts";
import { listCredentials } from "../../store/credentials.ts";
import type { JsonObject } from "../../core/json-value.ts";
import { noChannelOptions } from "../../sync/entities.ts";
import type { Channel, ChannelOptions } from "../../sync/entities.ts";
import { limitsColumn, ratioOf, ruleColumns } from "../../sync/money-fields.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase, knownSecret } from "../ask-database.ts";
import type { ConfigNoun, NounWrite } from "../config-noun.ts";
import { configRoutes } from "../config-routes.ts";
import { checkGroups } from "../config-references.ts";
import { invalid, parseFields } from "../parse-fields.ts";
import type { ActReply, ActRequest, RouteSpec } from "../route-spec.ts";
import { channelInput, channelOptions, presentChannels } from "./present.ts";
import type { ChannelFields } from "./schema.ts";
import {
  channelBody,
  channelRefused,
  channelSchema,
  channelShown,
  credentialsSchema,
  probeBody,
  probeShown,
} from "./schema.ts";
import { servedChannel, upstreamModelRoutes } from "./upstream-models.ts";
import { writeCredentials } from "./write-credentials.ts";

const managers = ["root", "admin"] as const;

export function channelRoutes(parts: AdminParts): readonly RouteSpec[] {
  return [
    ...configRoutes(channelNoun(parts), parts).map((route) =>
      route.body === undefined ? route : { ...route, body: channelBody },
    ),
    {
      method: "POST",
      path: "/api/channels/:id/test",
      roles: managers,
      summary: "Make one small real call through a channel",
      body: probeBody,
      result: probeShown,
      act: (request) => probe(parts, request),
    },
    ...upstreamModelRoutes(parts),
  ];
}

function channelNoun(parts: AdminParts): ConfigNoun<ChannelFields> {
  const text = z.string().exactOptional();
  return {
    kind: "channel",
    name: "channels",
    singular: "channel",
    readers: managers,
    writers: managers,
    schema: channelSchema,
    shown: channelShown,
    refused: channelRefused,
    filters: { status: text, provider: text, tag: text, group: text, model: text, search: text },
    list: listChannels,
    find: findChannel,
    input: channelInput,
    present: async (db, rows) =>
      presentChannels(
        rows,
        await listCredentials(
          db,
          rows.map((row) => BigInt(row["id"] ?? 0)),
        ),
      ),
    columns: (fields, row) => ({
      name: fields.name,
      provider: fields.provider,
      base_url: fields.baseUrl,
      models: JSON.stringify(fields.models),
      groups: JSON.stringify(fields.groups),
      priority: fields.priority,
      weight: fields.weight,
      status: fields.status,
      model_mapping: JSON.stringify(fields.modelMapping),
      headers: JSON.stringify(fields.headers),
      parameters: JSON.stringify(fields.parameters),
      proxy: fields.proxy,
      tag: fields.tag,
      timeouts: JSON.stringify(fields.timeouts),
      ...ruleColumns(fields),
      credential_limits: limitsColumn(fields.credentialLimits),
      cost_ratio: ratioOf(fields.costRatio),
      options: JSON.stringify({ ...channelOptions(row), ...optionsOf(fields) }),
    }),
    check: checkChannel,
    after: (write) => saveCredentials(parts, write),
    remove: async ({ tx, row }) => {
      for (const credential of await askDatabase(parts, (db) => listCredentials(db, [row.id])))
        await tx.remove("credential", Number(credential.id));
    },
    aside: ["credentials"],
    // Header values and members of bodies may be tokens of the upstream's own making; a proxy's URL may hold a password.
    redact: ["credentials", "headers", "parameters", "extraBody", "modelParameters", "proxy"],
  };
}

type OptionName = "replyModel" | keyof ChannelOptions;

/** What lies in the one column; a newer version's own options stay beside. */
function optionsOf(fields: ChannelFields): JsonObject {
  const names = ["replyModel", ...Object.keys(noChannelOptions)] as OptionName[];
  return Object.fromEntries(names.map((name) => [name, fields[name] ?? null]));
}

function checkChannel({ tx, row, fields, body }: NounWrite<ChannelFields>): void {
  if (row === undefined && body["credentials"] === undefined)
    throw invalid([
      {
        field: "credentials",
        message: "is required (an empty array where the upstream asks for none)",
      },
    ]);
  checkGroups(
    tx,
    Object.fromEntries(fields.groups.map((symbol, index) => [`groups[${index}]`, symbol])),
  );
}

async function saveCredentials(
  parts: AdminParts,
  write: NounWrite<ChannelFields> & { readonly id: number },
): Promise<void> {
  const { tx, body, id, row } = write;
  if (body["credentials"] === undefined) return;
  const { credentials } = parseFields(z.object({ credentials: credentialsSchema }), body);
  const existing =
    row === undefined ? [] : await askDatabase(parts, (db) => listCredentials(db, [BigInt(id)]));
  await writeCredentials({
    tx,
    channelId: id,
    dataKey: knownSecret(parts.dataKey()),
    existing,
    secrets: credentials,
  });
}

async function probe(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const { model } = parseFields(probeBody, request.body);
  const channel = await servedChannel(parts, request);
  const tried = model ?? channel.options.testModel ?? firstModel(channel);
  const result = await parts.probeChannel(channel, tried);
  return { data: { ...result, model: tried } };
}

/** The first model that is a name; a channel of wildcards needs one to be told. */
function firstModel(channel: Channel): string {
  const model = channel.models.find((name) => !name.endsWith("*"));
  if (model !== undefined) return model;
  throw invalid([
    { field: "model", message: "is required: the channel lists no model by its whole name" },
  ]);
}
