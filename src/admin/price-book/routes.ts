/**
 * Prices from outside: what a list would change, and the change once somebody has looked at it. Promise kept here: nothing
 * is written that was not shown, and an operator's own prices are never touched.
 */
import type { Channel } from "../../sync/entities.ts";
import type { AdminParts } from "../admin-parts.ts";
import { parseFields } from "../parse-fields.ts";
import type { ActReply, ActRequest, RouteSpec } from "../route-spec.ts";
import { applyPlan, readPriceRows } from "./apply.ts";
import { planBook } from "./plan.ts";
import { presentDiff } from "./present.ts";
import { openList } from "./read-list.ts";
import { applySchema, applyShown, diffSchema, diffShown } from "./schema.ts";

const roles = ["root", "admin"] as const;

export function priceBookRoutes(parts: AdminParts): readonly RouteSpec[] {
  return [
    {
      method: "POST",
      path: "/api/price-book/diff",
      roles,
      summary: "Show what taking a list of prices over would change",
      body: diffSchema,
      result: diffShown,
      act: (request) => diff(parts, request),
    },
    {
      method: "POST",
      path: "/api/price-book/apply",
      roles,
      summary: "Take a list of prices over, exactly as its diff showed",
      body: applySchema,
      result: applyShown,
      act: (request) => apply(parts, request),
    },
  ];
}

async function diff(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const fields = parseFields(diffSchema, request.body);
  const list = await (await openList(fields)).select(channelsOf(parts));
  const rows = await readPriceRows(parts);
  const plan = planBook(list.rows, rows);
  return { data: presentDiff({ fields, list, plan, rows }) };
}

function channelsOf(parts: AdminParts): ReadonlyMap<number, Channel> {
  return parts.sync.current()?.channels ?? new Map<number, Channel>();
}

async function apply(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const { digest, ...fields } = parseFields(applySchema, request.body);
  const { source } = fields;
  const list = await openList(fields);
  const { plan, revision } = await applyPlan(parts, request.author, { source, list, digest });
  const count = (part: "added" | "changed" | "removed"): number =>
    plan.models.reduce((sum, model) => sum + model[part].length, 0);
  const { kept, unchanged } = plan;
  const data = {
    source,
    added: count("added"),
    changed: count("changed"),
    removed: count("removed"),
    kept: kept.length,
    unchanged,
  };
  return { data, revision };
}
