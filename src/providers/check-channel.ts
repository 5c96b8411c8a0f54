/** What a provider asks of its channels: known settings with fitting values, dialects that it speaks, no reserved members. */
import type { FieldFault } from "../core/errors.ts";
import type { JsonObject } from "../core/json-value.ts";
import type { AddressedChannel } from "./address-channel.ts";
import type { Provider, ProviderSetting } from "./contract.ts";
import { reservedParametersOf } from "./registry.ts";
import { standardDialects } from "./standard-endpoints.ts";

export interface CheckedChannel extends AddressedChannel {
  readonly parameters: JsonObject;
  readonly options: AddressedChannel["options"] & {
    readonly extraBody: JsonObject;
    readonly modelParameters: Readonly<Record<string, JsonObject>>;
  };
}

/** Faults by field; none: the channel can be called. */
export function channelFaults(provider: Provider, channel: CheckedChannel): readonly FieldFault[] {
  return [
    ...baseUrlFaults(provider, channel),
    ...settingFaults(provider, channel),
    ...dialectFaults(provider, channel),
    ...reservedFaults(provider, channel),
  ];
}

function baseUrlFaults(provider: Provider, channel: CheckedChannel): readonly FieldFault[] {
  return provider.defaultBaseUrl === null && channel.baseUrl === null
    ? [{ field: "baseUrl", message: `is required for provider ${provider.id}` }]
    : [];
}

function settingFaults(provider: Provider, channel: CheckedChannel): readonly FieldFault[] {
  const { settings: known = [] } = provider;
  const given = channel.options.settings;
  const names = known.map(({ key }) => key).join(", ");
  const unknown = Object.keys(given)
    .filter((name) => !known.some(({ key }) => key === name))
    .map((name) => ({
      field: `settings.${name}`,
      message: `is no setting of provider ${provider.id}, which has ${names === "" ? "none" : names}`,
    }));
  const wrong = known.flatMap((setting) => {
    const message = faultOf(setting, given[setting.key], channel.baseUrl !== null);
    return message === undefined ? [] : [{ field: `settings.${setting.key}`, message }];
  });
  return [...unknown, ...wrong];
}

function faultOf(
  setting: ProviderSetting,
  value: string | undefined,
  hasBaseUrl: boolean,
): string | undefined {
  if (value === undefined) {
    const wanted = setting.required && setting.default === undefined;
    return wanted && !(setting.forBaseUrl === true && hasBaseUrl) ? "is required" : undefined;
  }
  if (setting.choices !== undefined && !setting.choices.includes(value))
    return `must be one of ${setting.choices.join(", ")}`;
  return new RegExp(setting.pattern).test(value) ? undefined : `must match ${setting.pattern}`;
}

function dialectFaults(provider: Provider, channel: CheckedChannel): readonly FieldFault[] {
  const endpoints = Object.values(provider.endpoints).flat();
  const own = new Set<string>(endpoints.map(({ dialect }) => dialect));
  // On a base URL of its own, a channel may speak any dialect whose paths are known.
  const known = channel.baseUrl === null ? own : new Set([...own, ...standardDialects]);
  return channel.options.dialects.flatMap((dialect, index) =>
    known.has(dialect)
      ? []
      : [{ field: `dialects[${index}]`, message: `must be one of ${[...known].join(", ")}` }],
  );
}

/** What would be left out of the body again is refused, not accepted and ignored. */
function reservedFaults(provider: Provider, channel: CheckedChannel): readonly FieldFault[] {
  const reserved = reservedParametersOf(provider);
  const { extraBody, modelParameters } = channel.options;
  const bodies: readonly (readonly [string, JsonObject])[] = [
    ["parameters", channel.parameters],
    ["extraBody", extraBody],
    ...Object.entries(modelParameters).map(
      ([model, body]) => [`modelParameters.${model}`, body] as const,
    ),
  ];
  return bodies.flatMap(([field, body]) =>
    Object.keys(body)
      .filter((name) => reserved.includes(name.toLowerCase()))
      .map((name) => ({
        field: `${field}.${name}`,
        message: "cannot be set here: the gateway answers for it",
      })),
  );
}
