/** Redemption codes. Promise kept here: a code is shown once, when it is made, and lies nowhere in clear. */
import { z } from "zod";
import { GatewayError } from "../../core/errors.ts";
import { makeId } from "../../core/ids.ts";
import { formatDollars } from "../../core/money.ts";
import type { CodeFilters, CodeRow } from "../../store/redemption-codes.ts";
import { addCodes, findCode, listCodes, setCodeStatus } from "../../store/redemption-codes.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase, changeDatabase, idQuery, pageOptions, pageQuery } from "../ask-database.ts";
import { auditMoney } from "../audit-money.ts";
import { managerOf, rowId, unknownRow } from "../config-reads.ts";
import { parseFields } from "../parse-fields.ts";
import type { ActReply, ActRequest, RouteSpec } from "../route-spec.ts";
import { hashCode, makeCode } from "./code-text.ts";
import { presentCode } from "./present.ts";
import { redeemRoute } from "./redeem.ts";
import { codeEdit, codeShown, codesMade, codesSchema, disableSchema } from "./schema.ts";

const roles = ["root", "admin"] as const;
const path = "/api/codes";

export function codeRoutes(parts: AdminParts): readonly RouteSpec[] {
  const text = z.string().exactOptional();
  const query = z.strictObject({
    ...pageQuery,
    batch: text,
    status: text,
    search: text,
    redeemed: z.stringbool().exactOptional(),
    redeemedBy: idQuery.exactOptional(),
  });
  const one = { roles, result: codeShown, path: `${path}/:id` } as const;
  return [
    {
      method: "GET",
      path,
      roles,
      summary: "List redemption codes, newest first",
      query,
      result: codeShown,
      list: true,
      act: (request) => list(parts, request),
    },
    {
      ...one,
      method: "GET",
      summary: "Read a redemption code",
      act: (request) => get(parts, request),
    },
    {
      method: "POST",
      path,
      roles,
      summary: "Make redemption codes; the answer is the only time they are shown",
      body: codesSchema,
      result: codesMade,
      act: (request) => make(parts, request),
    },
    {
      ...one,
      method: "PATCH",
      summary: "Disable a redemption code that nobody has redeemed, or enable it again",
      body: codeEdit,
      act: (request) => edit(parts, request),
    },
    {
      method: "POST",
      path: `${path}/disable`,
      roles,
      summary: "Disable what nobody has redeemed of a batch",
      body: disableSchema,
      result: z.object({ disabled: z.int() }),
      act: (request) => disable(parts, request),
    },
    redeemRoute(parts),
  ];
}

async function list(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const { limit: _limit, cursor: _cursor, ...filters } = request.query;
  return await askDatabase(parts, async (db) => {
    const page = await listCodes(db, {
      ...pageOptions(request.query),
      filters: filters as CodeFilters,
    });
    return { data: page.rows.map(presentCode), nextCursor: page.nextCursor };
  });
}

async function get(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const id = rowId("code", request);
  const row = await askDatabase(parts, (db) => findCode(db, id));
  if (row === undefined) throw unknownRow("code", request);
  return { data: presentCode(row) };
}

async function make(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const { count, name, amount, expiresAt } = parseFields(codesSchema, request.body);
  const { userId } = managerOf(request);
  const codes = Array.from({ length: count }, () => makeCode(parts.random));
  const batch = makeId(12, parts.random);
  const news = codes.map((code) => ({
    hash: hashCode(parts, code),
    hint: code.slice(-4),
    name,
    batch,
    amount,
    status: "enabled",
    expires_at: expiresAt === null ? null : BigInt(expiresAt),
    created_by: BigInt(userId),
  }));
  const rows = await changeDatabase(parts, async (trx) => {
    const added = await addCodes(trx, batch, news);
    const detail = { batch, count, name, amount: formatDollars(amount) };
    await auditMoney(parts, request, {
      trx,
      kind: "code",
      action: "create",
      entityId: batch,
      detail,
    });
    return added;
  });
  const byHash = new Map(rows.map((row) => [row.hash, row]));
  const shown = codes.flatMap((code) => {
    const row = byHash.get(hashCode(parts, code));
    return row === undefined ? [] : [{ ...presentCode(row), code }];
  });
  return { status: 201, data: { batch, codes: shown } };
}

async function edit(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const { status } = parseFields(codeEdit, request.body);
  const id = rowId("code", request);
  const row = await changeDatabase(parts, async (trx): Promise<CodeRow> => {
    const before = await findCode(trx, id);
    if (before === undefined) throw unknownRow("code", request);
    const isFree = before.status === status || (await setCodeStatus(trx, { id }, status)) > 0;
    if (before.redeemed_at !== null || !isFree)
      throw new GatewayError("conflict", "This code has been redeemed already");
    const detail = { id: Number(id), status };
    await auditMoney(parts, request, {
      trx,
      kind: "code",
      action: "update",
      entityId: String(id),
      detail,
    });
    return { ...before, status };
  });
  return { data: presentCode(row) };
}

async function disable(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const { batch } = parseFields(disableSchema, request.body);
  const disabled = await changeDatabase(parts, async (trx) => {
    const { rows } = await listCodes(trx, { limit: 1, filters: { batch } });
    if (rows.length === 0) throw new GatewayError("not_found", `There is no batch ${batch}`);
    const count = await setCodeStatus(trx, { batch }, "disabled");
    const detail = { batch, status: "disabled", count };
    await auditMoney(parts, request, {
      trx,
      kind: "code",
      action: "update",
      entityId: batch,
      detail,
    });
    return count;
  });
  return { data: { disabled } };
}
