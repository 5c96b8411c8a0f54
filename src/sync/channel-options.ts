/** Field rules of what a channel orders beside its address; all of it lies in the one column `options`. */
import { z } from "zod";
import type { JsonObject } from "../core/json-value.ts";
import { modelName, modelPattern } from "./name-fields.ts";

const jsonObject: z.ZodType<JsonObject> = z.record(z.string(), z.json());

const settingName = z.string().regex(/^[A-Za-z][A-Za-z0-9]{0,63}$/, "is no valid setting name");
const settingValue = z
  .string()
  .min(1, "must not be empty: leave it out or give null")
  .max(2048, "must have at most 2048 characters");

/** Instructions: their text, and where they stand among the caller's own. */
export const systemPromptFields = {
  text: z.string().min(1, "must not be empty").max(200_000, "must have at most 200000 characters"),
  place: z.enum(["before", "after", "if-none"]),
};

/** Each without its default. The provider's own rules on `settings` and `dialects` stand in providers/check-channel.ts. */
export const optionFields = {
  replyModel: z.enum(["asked", "upstream"]),
  settings: z.record(settingName, settingValue),
  dialects: z
    .array(z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, "must be a dialect's id"))
    .max(20)
    .refine((ids) => new Set(ids).size === ids.length, "must not name a dialect twice"),
  billAs: z.enum(["asked", "sent"]),
  extraBody: jsonObject,
  modelParameters: z.record(modelPattern, jsonObject),
  systemPrompt: z.object(systemPromptFields).nullable(),
  disabledStream: z.array(modelPattern).max(10_000),
  onlyChat: z.boolean(),
  testModel: modelName.nullable(),
  unsealedIds: z.boolean(),
};

/** Loose: a newer version may keep further options here. */
export const optionsColumn = z.looseObject({
  replyModel: optionFields.replyModel.default("asked"),
  settings: optionFields.settings.default({}),
  dialects: optionFields.dialects.default([]),
  billAs: optionFields.billAs.default("asked"),
  extraBody: optionFields.extraBody.default({}),
  modelParameters: optionFields.modelParameters.default({}),
  systemPrompt: optionFields.systemPrompt.default(null),
  disabledStream: optionFields.disabledStream.default([]),
  onlyChat: optionFields.onlyChat.default(false),
  testModel: optionFields.testModel.default(null),
  unsealedIds: optionFields.unsealedIds.default(false),
});
