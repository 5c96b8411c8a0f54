/** Money of accounts by command: `users credit`, `users entries`, `codes …`, `account`. */
import type { Command } from "commander";
import { isObject, type Json, type JsonObject } from "../core/json-value.ts";
import { type ApiReply, type ApiRequest, objectsOf } from "./api-client.ts";
import { addConnectionFlags, connect, listAll } from "./connection.ts";
import { CommandFailure, exitCodes } from "./exit-codes.ts";
import { dataOf } from "./noun-commands.ts";
import type { CommandParts } from "./program-parts.ts";
import type { Flags } from "./read-fields.ts";
import { renderObject, renderTable } from "./render-table.ts";

const entryColumns = ["id", "at", "kind", "amount", "remark", "by"];
const codeColumns = ["id", "name", "hint", "batch", "amount", "status", "expiresAt", "redeemedBy"];

/** Adds `credit` and `entries` to the noun `users`. */
export function addUserMoney(users: Command, parts: CommandParts): void {
  const t = parts.translate;
  const credit = users
    .command("credit <id>")
    .description(t("command.credit"))
    .requiredOption("--amount <dollars>", t("flag.amount"))
    .requiredOption("--remark <text>", t("flag.remark"))
    .option("--reference <text>", t("flag.reference"));
  addConnectionFlags(credit, parts).action(async (id: string, flags: Flags) => {
    const body = picked(flags, ["amount", "remark", "reference"]);
    await send({ method: "POST", path: `${pathOf("users", id)}/credits`, body }, flags, parts);
  });
  const entries = users.command("entries <id>").description(t("command.entries"));
  addConnectionFlags(entries, parts).action(async (id: string, flags: Flags) => {
    await show(`${pathOf("users", id)}/entries`, entryColumns, { flags, parts });
  });
}

/** Adds `codes` with its verbs, and `account`. */
export function addCodeCommands(program: Command, parts: CommandParts): void {
  const t = parts.translate;
  const codes = program.command("codes").description(t("noun.codes"));
  addMake(codes, parts);
  addList(codes, parts);
  addDisable(codes, parts);
  const enable = codes.command("enable <id>").description(t("command.codesEnable"));
  addConnectionFlags(enable, parts).action(async (id: string, flags: Flags) => {
    const body = { status: "enabled" };
    await send({ method: "PATCH", path: pathOf("codes", id), body }, flags, parts);
  });
  const redeem = codes.command("redeem <code>").description(t("command.codesRedeem"));
  addConnectionFlags(redeem, parts).action(async (code: string, flags: Flags) => {
    await send({ method: "POST", path: "/api/codes/redeem", body: { code } }, flags, parts);
  });
  const account = program.command("account").description(t("command.account"));
  addConnectionFlags(account, parts).action(async (flags: Flags) => {
    await send({ method: "GET", path: "/api/me/account" }, flags, parts);
  });
}

function addMake(codes: Command, parts: CommandParts): void {
  const t = parts.translate;
  const add = codes
    .command("add")
    .description(t("command.codesAdd"))
    .requiredOption("--name <text>", t("flag.codeName"))
    .requiredOption("--amount <dollars>", t("flag.amount"))
    .option("--count <number>", t("flag.count"))
    .option("--expires-at <time>", t("flag.codeExpires"));
  addConnectionFlags(add, parts).action(async (flags: Flags) => {
    const body = picked(flags, ["name", "amount", "expiresAt"]);
    const count = numberOf(flags["count"], parts);
    const client = await connect(flags, parts);
    const reply = await client.call({
      method: "POST",
      path: "/api/codes",
      body: { ...body, ...(count !== undefined && { count }) },
    });
    if (flags["format"] === "json") return parts.print(JSON.stringify(reply.body, null, 2));
    const data = dataOf(reply);
    // One a line, so that they can be handed on to other commands.
    for (const made of objectsOf(data["codes"])) parts.print(String(made["code"]));
    parts.printError(t("note.codesOnce", { batch: String(data["batch"]) }));
  });
}

function addList(codes: Command, parts: CommandParts): void {
  const t = parts.translate;
  const list = codes
    .command("list")
    .description(t("verb.list"))
    .option("--batch <batch>", t("flag.batch"))
    .option("--unused", t("flag.unused"));
  addConnectionFlags(list, parts).action(async (flags: Flags) => {
    const query = new URLSearchParams();
    if (typeof flags["batch"] === "string") query.set("batch", flags["batch"]);
    if (flags["unused"] === true) query.set("redeemed", "false");
    await show("/api/codes", codeColumns, { flags, parts, query: Object.fromEntries(query) });
  });
}

function addDisable(codes: Command, parts: CommandParts): void {
  const t = parts.translate;
  const disable = codes
    .command("disable [id]")
    .description(t("command.codesDisable"))
    .option("--batch <batch>", t("flag.batch"));
  addConnectionFlags(disable, parts).action(async (id: string | undefined, flags: Flags) => {
    const batch = flags["batch"];
    if ((id === undefined) === (batch === undefined))
      throw new CommandFailure(exitCodes.usage, t("fault.idOrBatch"));
    if (id !== undefined) {
      const body = { status: "disabled" };
      return await send({ method: "PATCH", path: pathOf("codes", id), body }, flags, parts);
    }
    const client = await connect(flags, parts);
    const body = { batch: String(batch) };
    const reply = await client.call({ method: "POST", path: "/api/codes/disable", body });
    if (flags["format"] === "json") return parts.print(JSON.stringify(reply.body, null, 2));
    parts.print(t("note.disabled", { count: String(dataOf(reply)["disabled"]) }));
  });
}

interface Shown {
  readonly flags: Flags;
  readonly parts: CommandParts;
  readonly query?: Readonly<Record<string, string>>;
}

async function show(path: string, columns: readonly string[], shown: Shown): Promise<void> {
  const { flags, parts, query } = shown;
  const rows = await listAll(await connect(flags, parts), path, query);
  if (flags["format"] === "json") return parts.print(JSON.stringify({ data: rows }, null, 2));
  for (const line of renderTable(columns, rows)) parts.print(line);
}

async function send(request: ApiRequest, flags: Flags, parts: CommandParts): Promise<void> {
  const client = await connect(flags, parts);
  const reply: ApiReply = await client.call(request);
  if (flags["format"] === "json") return parts.print(JSON.stringify(reply.body, null, 2));
  const { data } = reply.body;
  if (isObject(data)) for (const line of renderObject(data)) parts.print(line);
}

function picked(flags: Flags, names: readonly string[]): JsonObject {
  const found = names.filter((name) => flags[name] !== undefined);
  return Object.fromEntries(found.map((name): [string, Json] => [name, String(flags[name])]));
}

function numberOf(value: unknown, parts: CommandParts): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(String(value))) return Number(value);
  const told = { flag: "--count", value: String(value) };
  throw new CommandFailure(exitCodes.usage, parts.translate("fault.number", told));
}

function pathOf(noun: string, id: string): string {
  return `/api/${noun}/${encodeURIComponent(id)}`;
}
