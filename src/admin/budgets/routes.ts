/** What budgets have spent and have left. Members see those of their own keys and account. */
import type { BudgetKind, BudgetRule } from "../../core/budget-rule.ts";
import { budgetLimit } from "../../core/budget-rule.ts";
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import { formatDollars } from "../../core/money.ts";
import { periodAt } from "../../core/periods.ts";
import type { BudgetOwner, BudgetSums } from "../../store/budgets.ts";
import { listBudgetOwners, listBudgetPeriods, readBudgetSums } from "../../store/budgets.ts";
import type { Sql } from "../../store/database.ts";
import { InvalidCursor } from "../../store/pages.ts";
import { budgetField } from "../../sync/money-fields.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase, pageOptions } from "../ask-database.ts";
import { managerOf, rowId } from "../config-reads.ts";
import { timeColumn } from "../present-value.ts";
import type { ActReply, ActRequest, RouteSpec } from "../route-spec.ts";
import { budgetKinds, budgetQuery, budgetShown } from "./schema.ts";

const everybody = ["root", "admin", "member"] as const;

export function budgetRoutes(parts: AdminParts): readonly RouteSpec[] {
  return [
    {
      method: "GET",
      path: "/api/budgets",
      roles: everybody,
      summary: "List budgets with what is spent and left in their current period",
      query: budgetQuery,
      result: budgetShown,
      list: true,
      act: (request) => list(parts, request),
    },
    {
      method: "GET",
      path: "/api/budgets/:kind/:id",
      roles: everybody,
      summary: "Read a budget in all its periods, the current one first",
      result: budgetShown,
      list: true,
      act: (request) => get(parts, request),
    },
  ];
}

/** Most periods that are told of one budget. */
const mostPeriods = 400;

async function list(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const { limit, after } = pageOptions(request.query);
  const asked = budgetKinds.filter((kind) => (request.query["kind"] ?? kind) === kind);
  const userId = ownUser(request);
  const nowMs = parts.sync.businessNowMs();
  return await askDatabase(parts, async (db) => {
    const from = readCursor(after, asked);
    const found: Found[] = [];
    for (const kind of asked.slice(from.kind)) {
      const missing = limit + 1 - found.length;
      if (missing <= 0) break;
      const afterId = kind === asked[from.kind] ? from.id : 0n;
      const owners = await listBudgetOwners(db, { kind, after: afterId, limit: missing, userId });
      found.push(...owners.map((owner) => ({ kind, owner })));
    }
    const shown = found.slice(0, limit);
    const last = shown.at(-1);
    const nextCursor = found.length > limit && last ? `${last.kind}:${last.owner.id}` : null;
    return { data: [...(await presentAll(db, shown, nowMs))], nextCursor };
  });
}

async function get(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const kind = budgetKinds.find((known) => known === request.params["kind"]);
  if (kind === undefined) throw new GatewayError("not_found", "There is no such kind of budget");
  const id = rowId(kind, request);
  const nowMs = parts.sync.businessNowMs();
  return await askDatabase(parts, async (db) => {
    const filter = { kind, id, after: 0n, limit: 1, userId: ownUser(request) };
    const [owner] = await listBudgetOwners(db, filter);
    if (owner === undefined)
      throw new GatewayError("not_found", `There is no budget of ${kind} ${id}`);
    const [current] = await presentAll(db, [{ kind, owner }], nowMs);
    const names = await listBudgetPeriods(db, { kind, id: Number(id) }, mostPeriods);
    const past = names.filter((period) => period !== current?.["period"]);
    const sums = await readBudgetSums(
      db,
      past.map((period) => ({ kind, id: Number(id), period })),
    );
    const rule = ruleOf(owner);
    const earlier = sums.map((sum) =>
      present({ owner, sum, endsAtMs: null, limit: rule?.amount ?? sum.credited, rule }),
    );
    return { data: [...(current === undefined ? [] : [current]), ...earlier], nextCursor: null };
  });
}

interface Found {
  readonly kind: BudgetKind;
  readonly owner: BudgetOwner;
}

async function presentAll(
  db: Sql,
  found: readonly Found[],
  nowMs: number,
): Promise<readonly JsonObject[]> {
  const rows = found.map(({ kind, owner }) => {
    const rule = ruleOf(owner);
    const period = periodAt(rule?.period ?? "total", rule?.timeZone ?? "UTC", nowMs);
    return { owner, rule, period, share: { kind, id: Number(owner.id), period: period.name } };
  });
  const sums = await readBudgetSums(
    db,
    rows.map(({ share }) => share),
  );
  return rows.flatMap(({ owner, rule, period }, index) => {
    const sum = sums[index];
    if (sum === undefined) return [];
    const limit = rule === null ? sum.credited : budgetLimit(rule, nowMs);
    return [present({ owner, sum, endsAtMs: period.endMs, limit, rule })];
  });
}

/** Undefined rules are those of balances, and broken ones: they are told where they are written. */
function ruleOf({ budget }: BudgetOwner): BudgetRule | null {
  if (budget === null) return null;
  try {
    return budgetField.safeParse(JSON.parse(budget)).data ?? null;
  } catch {
    return null;
  }
}

interface Presented {
  readonly owner: BudgetOwner;
  readonly sum: BudgetSums;
  /** Infinity: never; null: long ago. */
  readonly endsAtMs: number | null;
  readonly limit: bigint;
  readonly rule: BudgetRule | null;
}

function present({ owner, sum, endsAtMs, limit, rule }: Presented): JsonObject {
  const told = new Map(sum.alerts.map(({ percent, toldAtMs }) => [percent, toldAtMs]));
  const percents = [...new Set([...(rule?.alerts ?? []), ...told.keys()])];
  return {
    kind: sum.share.kind,
    id: sum.share.id,
    name: owner.name,
    period: sum.share.period,
    periodEndsAt:
      endsAtMs !== null && Number.isFinite(endsAtMs) ? new Date(endsAtMs).toISOString() : null,
    limit: formatDollars(limit),
    spent: formatDollars(sum.spent),
    held: formatDollars(sum.held),
    left: formatDollars(limit - sum.spent - sum.held),
    alerts: percents
      .sort((one, other) => one - other)
      .map((percent) => ({ percent, toldAt: timeColumn(bigOrNull(told.get(percent))) })),
  };
}

function bigOrNull(value: number | undefined): bigint | null {
  return value === undefined ? null : BigInt(value);
}

/** Members see their own alone. */
function ownUser(request: ActRequest): bigint | undefined {
  const manager = managerOf(request);
  return manager.role === "member" ? BigInt(manager.userId) : undefined;
}

/** `key:12`: after the budget of key 12. */
function readCursor(
  after: string | undefined,
  kinds: readonly BudgetKind[],
): { readonly kind: number; readonly id: bigint } {
  if (after === undefined) return { kind: 0, id: 0n };
  const [kind = "", id = ""] = after.split(":");
  const at = kinds.findIndex((known) => known === kind);
  if (at < 0 || !/^\d{1,18}$/.test(id)) throw new InvalidCursor();
  return { kind: at, id: BigInt(id) };
}
