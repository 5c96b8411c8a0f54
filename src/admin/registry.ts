/** The door of this room: every noun of the management API, one line each. */
import { accountRoutes } from "./account-routes.ts";
import type { AdminRoute } from "./admin-route.ts";
import type { AdminParts } from "./admin-parts.ts";
import { auditRoutes } from "./audit/routes.ts";
import { channelRoutes } from "./channels/routes.ts";
import { modelRoutes } from "./models/routes.ts";
import { moneyRoutes } from "./money-routes.ts";
import { nodeRoutes } from "./nodes/routes.ts";
import { providerRoutes } from "./providers/routes.ts";
import { referenceRoutes } from "./reference.ts";
import type { RouteSpec } from "./route-spec.ts";
import { serveRoute } from "./serve-route.ts";
import { settingRoutes } from "./settings/routes.ts";
import { setupRoutes } from "./setup/routes.ts";
import { syncRoutes } from "./sync/routes.ts";

/** Every stated route. */
function adminRouteSpecs(parts: AdminParts): readonly RouteSpec[] {
  return [
    channelRoutes,
    providerRoutes,
    accountRoutes,
    moneyRoutes,
    modelRoutes,
    settingRoutes,
    nodeRoutes,
    syncRoutes,
    auditRoutes,
    setupRoutes,
  ].flatMap((routes) => routes(parts));
}

/** The management API, ready to be mounted. */
export function makeAdmin(parts: AdminParts): readonly AdminRoute[] {
  const specs = adminRouteSpecs(parts);
  return [
    ...specs.map((spec) => serveRoute(spec, parts)),
    ...referenceRoutes(specs, parts.version),
  ];
}
