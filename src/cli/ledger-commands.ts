/** `ledger verify` and `ledger reconcile`. Promise kept here: each difference is named to the nano-dollar, and any ends with 1. */
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { messageOf } from "../core/errors.ts";
import type { JsonObject } from "../core/json-value.ts";
import { formatDollars, parseDollars } from "../core/money.ts";
import type { ApiClient } from "./api-client.ts";
import { objectsOf } from "./api-client.ts";
import { addConnectionFlags, connect } from "./connection.ts";
import { CommandFailure, exitCodes } from "./exit-codes.ts";
import type { CommandParts } from "./program-parts.ts";
import type { Flags } from "./read-fields.ts";
import { renderTable } from "./render-table.ts";
import { compareExport } from "./reconcile.ts";
import type { BookedCost } from "./reconcile.ts";
import { ExportFault, parseUsageExport } from "./usage-export.ts";

/** Adds the commands. */
export function addLedgerCommands(program: Command, parts: CommandParts): void {
  const t = parts.translate;
  const ledger = program.command("ledger").description(t("command.ledger"));
  const verify = ledger
    .command("verify")
    .description(t("command.ledgerVerify"))
    .option("--from <day>", t("flag.ledgerFrom"))
    .option("--to <day>", t("flag.ledgerTo"));
  addConnectionFlags(verify, parts).action((flags: Flags) => verifyLedger(flags, parts));
  const reconcile = ledger
    .command("reconcile")
    .description(t("command.ledgerReconcile"))
    .requiredOption("--file <path>", t("flag.reconcileFile"))
    .option("--channel <id>", t("flag.reconcileChannel"))
    .option("--tolerance <dollars>", t("flag.reconcileTolerance"), "0.005")
    .option("--date-column <name>", t("flag.reconcileDate"))
    .option("--model-column <name>", t("flag.reconcileModel"))
    .option("--cost-column <name>", t("flag.reconcileCost"));
  addConnectionFlags(reconcile, parts).action((flags: Flags) => reconcileExport(flags, parts));
}

async function list(
  client: ApiClient,
  path: string,
  query: Readonly<Record<string, string | undefined>> = {},
): Promise<readonly JsonObject[]> {
  return objectsOf((await client.call({ method: "GET", path, query })).body["data"]);
}

async function verifyLedger(flags: Flags, parts: CommandParts): Promise<void> {
  const t = parts.translate;
  const from = dayFlag(flags, "from", parts) ?? "";
  const to = dayFlag(flags, "to", parts) ?? "9";
  const client = await connect(flags, parts);
  const days = (await list(client, "/api/ledger/days"))
    .map((row) => String(row["day"]))
    .filter((day) => day >= from && day <= to);
  const faults: JsonObject[] = [];
  // One day at a time: each is one instant of the database, and none keeps it long.
  for (const day of days) faults.push(...(await list(client, "/api/ledger/verify", { day })));
  faults.push(...(await list(client, "/api/ledger/verify")));
  if (flags["format"] === "json") parts.print(JSON.stringify({ data: faults }, null, 2));
  else if (faults.length > 0)
    for (const line of renderTable(faultColumns, faults)) parts.print(line);
  if (faults.length > 0)
    throw new CommandFailure(
      exitCodes.failed,
      t("fault.ledgerDiffers", { count: String(faults.length) }),
    );
  if (flags["format"] !== "json")
    parts.print(t("note.ledgerAgrees", { days: String(days.length) }));
}

const faultColumns = ["check", "day", "account", "of", "expected", "found", "difference"];

function dayFlag(flags: Flags, name: string, parts: CommandParts): string | undefined {
  const value = flags[name];
  if (value === undefined) return undefined;
  if (/^\d{4}-\d{2}-\d{2}$/.test(String(value))) return String(value);
  const told = { flag: `--${name}`, value: String(value) };
  throw new CommandFailure(exitCodes.usage, parts.translate("fault.ledgerDay", told));
}

async function reconcileExport(flags: Flags, parts: CommandParts): Promise<void> {
  const t = parts.translate;
  const file = String(flags["file"]);
  const tolerance = parseDollars(String(flags["tolerance"]));
  if (tolerance === undefined || tolerance < 0n)
    throw new CommandFailure(
      exitCodes.usage,
      t("fault.number", { flag: "--tolerance", value: String(flags["tolerance"]) }),
    );
  const lines = await readExport(flags, parts);
  const days = lines.map(({ day }) => day).sort();
  const client = await connect(flags, parts);
  const booked = await readBooked(client, days, flags);
  const rows = compareExport(lines, booked, tolerance);
  const differing = rows.filter(({ agrees }) => !agrees);
  if (flags["format"] === "json")
    parts.print(JSON.stringify({ data: rows.map(({ shown }) => shown) }, null, 2));
  else if (differing.length > 0)
    for (const line of renderTable(
      reconcileColumns,
      differing.map(({ shown }) => shown),
    ))
      parts.print(line);
  if (differing.length > 0)
    throw new CommandFailure(
      exitCodes.failed,
      t("fault.reconcileDiffers", { count: String(differing.length) }),
      [file],
    );
  const told = { rows: String(rows.length), tolerance: formatDollars(tolerance) };
  if (flags["format"] !== "json") parts.print(t("note.ledgerReconciled", told));
}

const reconcileColumns = [
  "day",
  "model",
  "vendorCost",
  "bookedCost",
  "difference",
  "vendorInput",
  "bookedInput",
  "vendorOutput",
  "bookedOutput",
];

async function readExport(
  flags: Flags,
  parts: CommandParts,
): Promise<ReturnType<typeof parseUsageExport>> {
  const t = parts.translate;
  const file = String(flags["file"]);
  const column = (name: string): string | undefined =>
    flags[name] === undefined ? undefined : String(flags[name]);
  const columns = {
    date: column("dateColumn"),
    model: column("modelColumn"),
    cost: column("costColumn"),
  };
  try {
    return parseUsageExport(await readText(file, parts), columns);
  } catch (error) {
    if (!(error instanceof ExportFault)) throw error;
    const { line, message, missing } = error;
    const told =
      missing.length > 0
        ? t("fault.reconcileColumns", {
            file,
            missing: missing.join(", "),
            columns: error.columns.join(", "),
          })
        : t("fault.reconcileLine", { file, line: String(line), what: message });
    throw new CommandFailure(exitCodes.usage, told);
  }
}

async function readText(file: string, parts: CommandParts): Promise<string> {
  try {
    return file === "-" ? await parts.readStdin() : await readFile(file, "utf8");
  } catch (error) {
    const told = parts.translate("fault.file", { path: file, reason: messageOf(error) });
    throw new CommandFailure(exitCodes.usage, told);
  }
}

/** The management API answers for two months at a time. */
const daysAtOnce = 60;
const dayMs = 86_400_000;

async function readBooked(
  client: ApiClient,
  days: readonly string[],
  flags: Flags,
): Promise<readonly BookedCost[]> {
  const [first] = days;
  const last = days.at(-1);
  if (first === undefined || last === undefined) return [];
  const channel = flags["channel"] === undefined ? undefined : String(flags["channel"]);
  const booked: BookedCost[] = [];
  const end = Date.parse(last);
  for (let at = Date.parse(first); at <= end; at += daysAtOnce * dayMs) {
    const name = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
    const span = { from: name(at), to: name(Math.min(end, at + (daysAtOnce - 1) * dayMs)) };
    const rows = await list(client, "/api/ledger/channel-costs", { ...span, channel });
    booked.push(...rows.map(bookedCost));
  }
  return booked;
}

function bookedCost(row: JsonObject): BookedCost {
  return {
    day: String(row["day"]),
    model: String(row["model"]),
    modelReported: row["modelReported"] == null ? null : String(row["modelReported"]),
    cost: parseDollars(String(row["channelCost"])) ?? 0n,
    inputTokens: BigInt(Number(row["inputTokens"])),
    outputTokens: BigInt(Number(row["outputTokens"])),
  };
}
