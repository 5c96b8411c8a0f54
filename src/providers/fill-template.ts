/**
 * Fills the placeholders of manifests' paths and base URLs.
 * Promise kept here: what is filled in stays within the part of the URL where its placeholder stands.
 */
import { GatewayError } from "../core/errors.ts";
import type { DerivedPlaceholder, Provider } from "./contract.ts";

export interface TemplateValues {
  /** As {@link settingsOf} gives them. */
  readonly settings: Readonly<Record<string, string>>;
  readonly model?: string;
  readonly secret?: string;
}

/** A placeholder: `{model}`, `{credential:1}`, `{region}`. */
export const placeholder = /\{([A-Za-z]+)(?::(\d))?\}/g;

/** The channel's values, with the defaults of the provider's settings and what follows from them. */
export function settingsOf(
  provider: Provider,
  given: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const { settings = [], derived = {} } = provider;
  const values: Record<string, string> = {};
  for (const { key, default: usual } of settings) {
    const value = given[key] ?? usual;
    if (value !== undefined) values[key] = value;
  }
  for (const [name, rule] of Object.entries(derived)) {
    const template = derive(rule, values[rule.setting]);
    if (template !== undefined) values[name] = fillTemplate(template, { settings: values });
  }
  return values;
}

function derive(rule: DerivedPlaceholder, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const found = Object.entries(rule.cases).find(([pattern]) =>
    pattern.endsWith("*") ? value.startsWith(pattern.slice(0, -1)) : value === pattern,
  );
  return found?.[1] ?? rule.otherwise;
}

/** Throws `upstream_unreachable` for a placeholder without a value, `invalid_request` for a model name no path can hold. */
export function fillTemplate(template: string, values: TemplateValues): string {
  if (!template.includes("{")) return template;
  return template.replaceAll(placeholder, (_, name: string, part: string | undefined) => {
    if (name === "model") return encodeName(values.model ?? "");
    if (name === "modelPath") return (values.model ?? "").split("/").map(encodeName).join("/");
    if (name === "credential") return encodePart(values.secret ?? "", Number(part ?? 0));
    const found = values.settings[name];
    if (found !== undefined) return found;
    throw new GatewayError("upstream_unreachable", `the channel's setting ${name} is missing`);
  });
}

function encodePart(secret: string, index: number): string {
  const part = secret.split("|")[index]?.trim() ?? "";
  if (/^[\w.-]*\w[\w.-]*$/.test(part)) return part;
  throw new GatewayError(
    "upstream_auth",
    `part ${index + 1} of the credential cannot be part of a path`,
  );
}

/** One segment of a path. `@` stays: vendors' own clients leave it (`claude-sonnet-4@20250514`). */
function encodeName(name: string): string {
  // Dots alone would climb, and an empty segment would vanish.
  if (name === "" || name === "." || name === ".." || !name.isWellFormed())
    throw new GatewayError(
      "invalid_request",
      `The model name ${JSON.stringify(name)} cannot be sent`,
      {
        fields: [{ field: "model", message: "cannot be part of a path" }],
      },
    );
  return encodeURIComponent(name).replaceAll("%40", "@");
}
