/** The settings document, derived from sync's one table of settings. */
import { z } from "zod";
import { settingRules } from "../../sync/settings.ts";

const rules = Object.entries(settingRules);

/** Any subset of settings; null restores the default. */
export const settingsPatch = z.strictObject(
  Object.fromEntries(
    rules.map(([name, rule]): [string, z.ZodType] => [
      name,
      rule.schema.nullable().optional().describe(rule.doc),
    ]),
  ),
);

/** All of them, defaults filled in. */
export const settingsShown = z.object(
  Object.fromEntries(
    rules.map(([name, rule]): [string, z.ZodType] => [name, rule.schema.describe(rule.doc)]),
  ),
);
