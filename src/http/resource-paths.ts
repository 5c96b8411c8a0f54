/** The public paths of what outlives a call, mounted from the gateway's one table of them. */
import { type ResourceRoute, resourceRoutes } from "../gateway/accounts/resource-routes.ts";
import type { FrontId } from "../wire/call.ts";
import type { PublicPath } from "./public-path.ts";

/** As for chat; the bare `/openai` serves Azure's clients. */
const prefixes: Readonly<Partial<Record<FrontId, readonly string[]>>> = {
  "openai-chat": ["/v1", "", "/openai/v1", "/openai"],
  "openai-responses": ["/v1", "", "/openai/v1", "/openai"],
  "anthropic-messages": ["/v1", "", "/claude/v1", "/anthropic/v1"],
  "gemini-content": ["/v1beta", "/v1alpha", "/gemini/:version"],
};

function pathsOf(route: ResourceRoute): readonly PublicPath[] {
  const { dialect, method, operation } = route;
  return (prefixes[dialect] ?? []).map((prefix) => ({
    method,
    path: prefix + route.path,
    dialect,
    operation,
    resource: route.path,
  }));
}

const all = resourceRoutes.flatMap(pathsOf);

/** Where several vendors have a path, headers tell whose it is. */
function merged(paths: readonly PublicPath[]): PublicPath[] {
  const [first, ...others] = paths;
  if (first === undefined) return [];
  return [others.length === 0 ? first : { ...first, shared: true }];
}

export const resourcePaths: readonly PublicPath[] = Map.groupBy(
  all,
  ({ method, path }) => `${method} ${path}`,
)
  .values()
  .flatMap(merged)
  .toArray();
