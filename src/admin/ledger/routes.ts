/** The ledger beside calls: entries, corrections, its days, and whether all views of the same money agree. */
import { listAccountEntries } from "../../store/account-entries.ts";
import { sumChannelCosts } from "../../store/channel-costs.ts";
import type { Sql } from "../../store/database.ts";
import { checkBalances, checkBudgets } from "../../store/ledger-budget-checks.ts";
import { atOneInstant, checkClosing, checkRollups } from "../../store/ledger-checks.ts";
import type { Discrepancy } from "../../store/ledger-checks.ts";
import { listDays } from "../../store/ledger-days.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase, pageOptions } from "../ask-database.ts";
import { invalid } from "../parse-fields.ts";
import { dollarsColumn } from "../present-value.ts";
import type { ActReply, ActRequest, RouteSpec } from "../route-spec.ts";
import { correct } from "./correct.ts";
import { presentDiscrepancy, presentLedgerEntry } from "./present.ts";
import {
  channelCostQuery,
  channelCostShown,
  correctionSchema,
  dayName,
  dayShown,
  discrepancyShown,
  entriesQuery,
  ledgerEntryShown,
  verifyQuery,
} from "./schema.ts";
import type { EntriesQuery } from "./schema.ts";

const managers = ["root", "admin"] as const;

export function ledgerRoutes(parts: AdminParts): readonly RouteSpec[] {
  const reads = { method: "GET", roles: managers, list: true } as const;
  return [
    {
      ...reads,
      path: "/api/ledger/entries",
      summary: "List entries of the ledger beside calls, newest first",
      query: entriesQuery,
      result: ledgerEntryShown,
      act: (request) => listEntries(parts, request),
    },
    {
      method: "POST",
      path: "/api/ledger/corrections",
      roles: managers,
      summary: "Correct an account by an entry of its own; of a user, the balance moves with it",
      body: correctionSchema,
      result: ledgerEntryShown,
      act: (request) => correct(parts, request),
    },
    {
      ...reads,
      path: "/api/ledger/days",
      summary: "List the ledger's days, oldest first, and how far each is closed",
      result: dayShown,
      act: () => days(parts),
    },
    {
      ...reads,
      path: "/api/ledger/verify",
      summary: "Compare a day's rows, sums and entries, or (without a day) budgets and balances",
      query: verifyQuery,
      result: discrepancyShown,
      act: (request) => verify(parts, request),
    },
    {
      ...reads,
      path: "/api/ledger/channel-costs",
      summary: "Sum what calls cost their channels, by UTC day and by the model that was sent",
      query: channelCostQuery,
      result: channelCostShown,
      act: (request) => channelCosts(parts, request),
    },
  ];
}

async function listEntries(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const { kind, accountKind, account, day } = request.query as EntriesQuery;
  const filters = { kind, accountKind, accountId: account, day };
  const options = { ...pageOptions(request.query), filters };
  const page = await askDatabase(parts, (db) => listAccountEntries(db, options));
  return { data: page.rows.map(presentLedgerEntry), nextCursor: page.nextCursor };
}

async function days(parts: AdminParts): Promise<ActReply> {
  const found = await askDatabase(parts, (db) => atOneInstant(db, listDays));
  return {
    data: found.map(({ day, state }) => ({ day: dayName(day), state })),
    nextCursor: null,
  };
}

async function verify(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const day = request.query["day"];
  const check = async (trx: Sql): Promise<readonly Discrepancy[]> =>
    typeof day === "number"
      ? [...(await checkRollups(trx, day)), ...(await checkClosing(trx, day))]
      : [...(await checkBudgets(trx)), ...(await checkBalances(trx))];
  const faults = await askDatabase(parts, (db) => atOneInstant(db, check));
  return { data: faults.map(presentDiscrepancy), nextCursor: null };
}

const longestDays = 62;

async function channelCosts(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const { from, to, channel } = request.query as {
    readonly from: number;
    readonly to: number;
    readonly channel?: bigint;
  };
  if (to < from || to - from >= longestDays)
    throw invalid([
      { field: "to", message: `must be from 0 to ${longestDays - 1} days after from` },
    ]);
  const ask = { firstDay: from, lastDay: to, channelId: channel };
  const rows = await askDatabase(parts, (db) => sumChannelCosts(db, ask));
  const data = rows.map((row) => ({
    day: dayName(row.day),
    model: row.model,
    modelReported: row.modelReported,
    calls: Number(row.calls),
    inputTokens: Number(row.inputTokens),
    outputTokens: Number(row.outputTokens),
    channelCost: dollarsColumn(row.channelCost) ?? "0",
  }));
  return { data, nextCursor: null };
}
