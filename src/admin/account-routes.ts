/** The nouns around callers: who they are, what they belong to, and what they have. */
import type { AdminParts } from "./admin-parts.ts";
import { codeRoutes } from "./codes/routes.ts";
import { creditRoutes } from "./credits/routes.ts";
import { groupRoutes } from "./groups/routes.ts";
import { keyRoutes } from "./keys/routes.ts";
import type { RouteSpec } from "./route-spec.ts";
import { userRoutes } from "./users/routes.ts";

export function accountRoutes(parts: AdminParts): readonly RouteSpec[] {
  return [groupRoutes, keyRoutes, userRoutes, creditRoutes, codeRoutes].flatMap((routes) =>
    routes(parts),
  );
}
