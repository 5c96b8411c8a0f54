/** Providers: the manifests as forms need them. They are part of the build, so nothing is read from the database. */
import type { JsonObject } from "../../core/json-value.ts";
import type { Provider, ProviderSetting } from "../../providers/contract.ts";
import { findProvider, providers } from "../../providers/registry.ts";
import { standardDialects } from "../../providers/standard-endpoints.ts";
import { unknownRow } from "../config-reads.ts";
import type { RouteSpec } from "../route-spec.ts";
import { providerShown } from "./schema.ts";

const managers = ["root", "admin"] as const;

export function providerRoutes(): readonly RouteSpec[] {
  return [
    {
      method: "GET",
      path: "/api/providers",
      roles: managers,
      summary: "List the providers that a channel can name",
      result: providerShown,
      list: true,
      act: () => Promise.resolve({ data: providers.map(presentProvider), nextCursor: null }),
    },
    {
      method: "GET",
      path: "/api/providers/:id",
      roles: managers,
      summary: "Read a provider",
      result: providerShown,
      act: (request) => {
        const provider = findProvider(request.params["id"] ?? "");
        if (provider === undefined) throw unknownRow("provider", request);
        return Promise.resolve({ data: presentProvider(provider) });
      },
    },
  ];
}

function presentProvider(provider: Provider): JsonObject {
  const operations = Object.entries(provider.endpoints).map(
    ([operation, endpoints]) =>
      [operation, [...new Set(endpoints.map(({ dialect }) => dialect))]] as const,
  );
  const dialects = [...new Set(operations.flatMap(([, spoken]) => spoken))];
  return {
    id: provider.id,
    label: provider.label,
    docs: provider.docs ?? null,
    defaultBaseUrl: provider.defaultBaseUrl,
    credentialRequired: provider.credentialRequired,
    credentialForm: provider.credentialForm ?? null,
    settings: (provider.settings ?? []).map(presentSetting),
    dialects,
    ownUrlDialects: [...new Set([...dialects, ...standardDialects])],
    operations: Object.fromEntries(operations),
    listsModels: provider.models !== undefined,
    lacks: provider.lacks ?? [],
  };
}

function presentSetting(setting: ProviderSetting): JsonObject {
  const { key, label, kind, required, pattern } = setting;
  return {
    key,
    label,
    help: setting.help ?? null,
    kind,
    choices: setting.choices ?? null,
    required,
    default: setting.default ?? null,
    pattern,
    forBaseUrl: setting.forBaseUrl === true,
  };
}
