/** The two pages that describe the management API: the OpenAPI document and the reference for people. */
import type { AdminReply, AdminRoute } from "./admin-route.ts";
import { makeOpenApi } from "./openapi.ts";
import { renderReferencePage } from "./reference-page.ts";
import type { RouteSpec } from "./route-spec.ts";

/** Both are made once, from the stated routes. */
export function referenceRoutes(
  specs: readonly RouteSpec[],
  version: string,
): readonly AdminRoute[] {
  const document: AdminReply = {
    status: 200,
    headers: { "content-type": "application/json; charset=utf-8" },
    body: `${JSON.stringify(makeOpenApi(specs, version))}\n`,
  };
  return [
    fixedPage("/api/openapi.json", document),
    fixedPage("/api/docs", renderReferencePage(specs)),
  ];
}

function fixedPage(path: string, reply: AdminReply): AdminRoute {
  return { method: "GET", path, roles: ["anyone"], handle: () => Promise.resolve(reply) };
}
