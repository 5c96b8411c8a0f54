/** What money is told by: prices, budgets, calls, usage and the ledger. */
import type { AdminParts } from "./admin-parts.ts";
import { budgetRoutes } from "./budgets/routes.ts";
import { callRoutes } from "./calls/routes.ts";
import { jobRoutes } from "./jobs/routes.ts";
import { ledgerRoutes } from "./ledger/routes.ts";
import { priceBookRoutes } from "./price-book/routes.ts";
import { priceRoutes } from "./prices/routes.ts";
import type { RouteSpec } from "./route-spec.ts";
import { usageRoutes } from "./usage/routes.ts";

export function moneyRoutes(parts: AdminParts): readonly RouteSpec[] {
  return [
    priceRoutes,
    priceBookRoutes,
    callRoutes,
    jobRoutes,
    budgetRoutes,
    usageRoutes,
    ledgerRoutes,
  ].flatMap((routes) => routes(parts));
}
