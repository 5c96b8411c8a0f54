/**
 * The five routes that every configuration noun has, stated once: list, get, create, edit, delete. Checks of a noun's own
 * run inside the door's transaction.
 */
import { z } from "zod";
import type { AdminParts } from "./admin-parts.ts";
import { pageQuery } from "./ask-database.ts";
import type { ConfigNoun } from "./config-noun.ts";
import { getRow, listRows } from "./config-reads.ts";
import { createRow, editRow, removeRow } from "./config-writes.ts";
import type { RouteSpec } from "./route-spec.ts";

/** States the routes of a noun. */
export function configRoutes<Fields>(
  noun: ConfigNoun<Fields>,
  parts: AdminParts,
): readonly RouteSpec[] {
  const path = `/api/${noun.name}`;
  const { shown: result, singular, name } = noun;
  const read = { method: "GET", roles: noun.readers, result } as const;
  const write = { roles: noun.writers, result } as const;
  const query = z.strictObject({ ...pageQuery, ...noun.filters });
  const routes: readonly RouteSpec[] = [
    {
      ...read,
      path,
      summary: `List ${name}`,
      query,
      list: true,
      act: (request) => listRows(noun, parts, request),
    },
    {
      ...read,
      path: `${path}/:id`,
      summary: `Read a ${singular}`,
      act: (request) => getRow(noun, parts, request),
    },
    {
      ...write,
      method: "POST",
      path,
      summary: `Create a ${singular}`,
      body: noun.schema,
      act: (request) => createRow(noun, parts, request),
    },
    {
      ...write,
      method: "PATCH",
      path: `${path}/:id`,
      summary: `Edit a ${singular} (JSON merge patch: null restores the default)`,
      body: noun.schema,
      act: (request) => editRow(noun, parts, request),
    },
    {
      ...write,
      method: "DELETE",
      path: `${path}/:id`,
      summary: `Delete a ${singular}`,
      act: (request) => removeRow(noun, parts, request),
    },
  ];
  return routes.filter((route) => !(noun.without === "create" && route.method === "POST"));
}
