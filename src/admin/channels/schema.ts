/** What a channel is in the management API. */
import { z } from "zod";
import { channelFields, credentialSecret, timeoutFields } from "../../sync/channel-fields.ts";
import { laterFields } from "../refused-fields.ts";
import { metaFields } from "../shown-fields.ts";

/** Without credentials: they are written, never read, and left out means kept. */
export const channelSchema = z.strictObject({
  name: channelFields.name,
  provider: channelFields.provider,
  baseUrl: channelFields.baseUrl.default(null),
  models: channelFields.models,
  groups: channelFields.groups.default(["default"]),
  priority: channelFields.priority.default(0),
  weight: channelFields.weight.default(1),
  status: channelFields.status.default("enabled"),
  modelMapping: channelFields.modelMapping.default({}),
  headers: channelFields.headers.default({}),
  parameters: channelFields.parameters.default({}),
  proxy: channelFields.proxy.default(null),
  tag: channelFields.tag.default(null),
  timeouts: z.strictObject(timeoutFields).default({}),
  replyModel: channelFields.replyModel.default("asked"),
});

export type ChannelFields = z.output<typeof channelSchema>;

/** They travel in headers; the most common slip is the line break at the end of a file. */
const headerSafe = credentialSecret.regex(
  /^[\t\x20-\x7e\x80-\xff]*$/,
  "must have no line breaks and only Latin-1 characters",
);

export const credentialsSchema = z.array(headerSafe).max(1000);

/** The body of a write, for the reference. */
export const channelBody = channelSchema.extend({ credentials: credentialsSchema });

export const channelShown = z.object({
  ...metaFields,
  name: z.string(),
  provider: z.string(),
  baseUrl: z.string().nullable(),
  models: z.array(z.string()),
  groups: z.array(z.string()),
  priority: z.int(),
  weight: z.int(),
  status: z.enum(["enabled", "disabled"]),
  modelMapping: z.record(z.string(), z.string()),
  headers: z.record(z.string(), z.string()),
  parameters: z.record(z.string(), z.unknown()),
  /** A password in it is shown as `***`. */
  proxy: z.string().nullable(),
  tag: z.string().nullable(),
  timeouts: z.object(timeoutFields),
  replyModel: z.enum(["asked", "upstream"]),
  /** The credentials themselves are never shown. */
  credentialCount: z.int(),
});

export const channelRefused = {
  ...laterFields("limits", "budget"),
  credentialCount: "is read-only: write credentials",
};

export const probeBody = z.strictObject({ model: z.string().min(1).max(256).exactOptional() });

export const probeShown = z.object({
  ok: z.boolean(),
  model: z.string(),
  status: z.int().nullable(),
  durationMs: z.number(),
  message: z.string().nullable(),
});
