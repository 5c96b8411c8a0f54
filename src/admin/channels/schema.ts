/** What a channel is in the management API. */
import { z } from "zod";
import { channelFields, credentialSecret, timeoutFields } from "../../sync/channel-fields.ts";
import { optionFields, systemPromptFields } from "../../sync/channel-options.ts";
import { ownFields } from "../refused-fields.ts";
import { metaFields } from "../shown-fields.ts";
import {
  limitsInput,
  limitsShown,
  ratioInput,
  spendingInput,
  spendingShown,
} from "../spending-fields.ts";

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
  replyModel: optionFields.replyModel.default("asked"),
  settings: optionFields.settings.default({}),
  dialects: optionFields.dialects.default([]),
  billAs: optionFields.billAs.default("asked"),
  extraBody: optionFields.extraBody.default({}),
  modelParameters: optionFields.modelParameters.default({}),
  systemPrompt: z
    .strictObject({ ...systemPromptFields, place: systemPromptFields.place.default("before") })
    .nullable()
    .default(null),
  disabledStream: optionFields.disabledStream.default([]),
  onlyChat: optionFields.onlyChat.default(false),
  testModel: optionFields.testModel.default(null),
  unsealedIds: optionFields.unsealedIds.default(false),
  ...spendingInput,
  credentialLimits: limitsInput,
  costRatio: ratioInput,
});

export type ChannelFields = z.output<typeof channelSchema>;

/**
 * They travel in headers; the most common slip is the line break at the end of a file. A key that is a JSON document
 * (a Google service account) is kept on one line.
 */
const headerSafe = credentialSecret
  .transform(onOneLine)
  .pipe(
    z
      .string()
      .regex(/^[\t\x20-\x7e\x80-\xff]*$/, "must have no line breaks and only Latin-1 characters"),
  );

function onOneLine(text: string): string {
  if (!text.trimStart().startsWith("{")) return text;
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

export const credentialsSchema = z.array(headerSafe).max(1000);

/** An upstream whose models are asked before there is a channel to it. */
export const listedBody = z.strictObject({
  provider: channelFields.provider,
  baseUrl: channelFields.baseUrl.default(null),
  credential: headerSafe.default(""),
  headers: channelFields.headers.default({}),
  proxy: channelFields.proxy.default(null),
  settings: optionFields.settings.default({}),
  dialects: optionFields.dialects.default([]),
});

export const listedShown = z.object({ id: z.string() });

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
  settings: z.record(z.string(), z.string()),
  dialects: z.array(z.string()),
  billAs: z.enum(["asked", "sent"]),
  extraBody: z.record(z.string(), z.unknown()),
  modelParameters: z.record(z.string(), z.record(z.string(), z.unknown())),
  systemPrompt: z.object(systemPromptFields).nullable(),
  disabledStream: z.array(z.string()),
  onlyChat: z.boolean(),
  testModel: z.string().nullable(),
  unsealedIds: z.boolean(),
  ...spendingShown,
  credentialLimits: limitsShown,
  /** Decimal. */
  costRatio: z.string(),
  /** The credentials themselves are never shown. */
  credentialCount: z.int(),
});

export const channelRefused = {
  ...ownFields,
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
