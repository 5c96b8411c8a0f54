/** The models that an upstream says it has, for a channel that is saved and for one that is not yet. */
import type { z } from "zod";
import { GatewayError } from "../../core/errors.ts";
import { channelFaults } from "../../providers/check-channel.ts";
import { findProvider } from "../../providers/registry.ts";
import { findChannel } from "../../store/channels.ts";
import { noChannelOptions } from "../../sync/entities.ts";
import type { Channel } from "../../sync/entities.ts";
import type { AdminParts, ListedChannel } from "../admin-parts.ts";
import { askDatabase } from "../ask-database.ts";
import { rowId, unknownRow } from "../config-reads.ts";
import { invalid, parseFields } from "../parse-fields.ts";
import type { ActReply, ActRequest, RouteSpec } from "../route-spec.ts";
import { listedBody, listedShown } from "./schema.ts";

const managers = ["root", "admin"] as const;

export function upstreamModelRoutes(parts: AdminParts): readonly RouteSpec[] {
  const list = async (channel: ListedChannel): Promise<ActReply> => ({
    data: (await parts.listUpstreamModels(channel)).map((id) => ({ id })),
  });
  return [
    {
      method: "GET",
      path: "/api/channels/:id/upstream-models",
      roles: managers,
      summary: "List the models that a channel's upstream has",
      result: listedShown,
      list: true,
      act: async (request) => await list(await servedChannel(parts, request)),
    },
    {
      method: "POST",
      path: "/api/channels/upstream-models",
      roles: managers,
      summary: "List the models of an upstream before its channel is saved",
      body: listedBody,
      result: listedShown,
      list: true,
      act: async (request) => await list(parseListed(request)),
    },
  ];
}

/** The channel as this node serves it. Throws `not_found`, or `conflict` where the node refuses it. */
export async function servedChannel(parts: AdminParts, request: ActRequest): Promise<Channel> {
  const id = rowId("channel", request);
  const channel = parts.sync.current()?.channels.get(Number(id));
  if (channel !== undefined) return channel;
  if ((await askDatabase(parts, (db) => findChannel(db, id))) === undefined)
    throw unknownRow("channel", request);
  throw new GatewayError(
    "conflict",
    "This node does not serve the channel: see `rejected` in /api/nodes",
  );
}

function parseListed({ body }: ActRequest): ListedChannel {
  const fields: z.output<typeof listedBody> = parseFields(listedBody, body);
  const { provider: id, baseUrl, settings, dialects, credential } = fields;
  const provider = findProvider(id);
  if (provider === undefined)
    throw invalid([{ field: "provider", message: "is not known: see /api/providers" }]);
  const options = { ...noChannelOptions, settings, dialects };
  const faults = channelFaults(provider, { baseUrl, parameters: {}, options });
  if (faults.length > 0) throw invalid(faults);
  return {
    provider: id,
    baseUrl: baseUrl === null ? null : baseUrl.replace(/\/+$/, ""),
    headers: fields.headers,
    proxy: fields.proxy,
    timeouts: {},
    options,
    credentials: [{ id: 0, channelId: 0, position: 0, secret: credential, enabled: true }],
  };
}
