/** `prices import`: shows what a list would change, and applies just that. Promise kept here: nothing is written unseen. */
import { readFile } from "node:fs/promises";
import { Argument, Option } from "commander";
import type { Command } from "commander";
import { messageOf } from "../core/errors.ts";
import type { Json, JsonObject } from "../core/json-value.ts";
import type { ApiClient } from "./api-client.ts";
import { objectsOf } from "./api-client.ts";
import { addConnectionFlags, addWaitFlag, connect, waitQuery } from "./connection.ts";
import { CommandFailure, exitCodes } from "./exit-codes.ts";
import { dataOf } from "./noun-commands.ts";
import { renderPriceDiff } from "./price-diff-text.ts";
import type { CommandParts } from "./program-parts.ts";
import type { Flags } from "./read-fields.ts";

const sources = ["builtin", "litellm", "one-hub"];

/** Adds `import` to the command of prices. */
export function addPriceImport(prices: Command, parts: CommandParts): void {
  const t = parts.translate;
  const command = prices
    .command("import")
    .description(t("verb.priceImport"))
    .addArgument(new Argument("<source>", t("argument.priceSource")).choices(sources))
    .addArgument(new Argument("[file]", t("argument.priceDocument")))
    .option("--provider <name>", t("flag.importProvider"), collect)
    .option("--model <name>", t("flag.importModels"), collect)
    .option("--channel <id>", t("flag.importChannel"), collect)
    .addOption(new Option("--side <side>", t("flag.importSide")).choices(["charge", "cost"]))
    .option("--quota-per-unit <number>", t("flag.quotaPerUnit"))
    .option("--yes", t("flag.importYes"))
    .option("--digest <digest>", t("flag.importDigest"));
  addWaitFlag(addConnectionFlags(command, parts), parts).action(
    async (source: string, file: string | undefined, flags: Flags) => {
      const body = await readBody({ source, file, flags }, parts);
      await importPrices(await connect(flags, parts), { body, flags }, parts);
    },
  );
}

interface Import {
  readonly body: JsonObject;
  readonly flags: Flags;
}

async function importPrices(
  client: ApiClient,
  { body, flags }: Import,
  parts: CommandParts,
): Promise<void> {
  const t = parts.translate;
  const isJson = flags["format"] === "json";
  const diff = dataOf(await client.call({ method: "POST", path: "/api/price-book/diff", body }));
  const digest = String(diff["digest"]);
  const applies = flags["yes"] === true || flags["digest"] !== undefined;
  if (!isJson) for (const line of renderPriceDiff(diff, t)) parts.print(line);
  else if (!applies) parts.print(JSON.stringify({ data: diff }, null, 2));
  if (flags["digest"] !== undefined && flags["digest"] !== digest)
    throw new CommandFailure(exitCodes.failed, t("fault.priceDigest"));
  const hasChanges = ["added", "changed", "removed"].some(
    (part) => objectsOf(diff[part]).length > 0,
  );
  if (!hasChanges) return isJson && !applies ? undefined : parts.printError(t("note.priceNothing"));
  if (!applies) return parts.printError(t("note.priceConfirm", { digest }));
  const reply = await client.call({
    method: "POST",
    path: "/api/price-book/apply",
    body: { ...body, digest },
    query: waitQuery(flags, parts),
  });
  if (isJson) parts.print(JSON.stringify(reply.body, null, 2));
  else parts.print(t("note.priceApplied", texts(dataOf(reply))));
  const { revision, converged, pending } = reply.body;
  const key = converged === true ? "note.everywhere" : "note.revision";
  parts.printError(t(key, { revision: String(revision) }));
  if (converged !== false) return;
  const nodes = Array.isArray(pending) ? pending.join(", ") : "";
  throw new CommandFailure(exitCodes.failed, t("fault.notConverged", { nodes }));
}

function texts(values: JsonObject): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
}

interface Given {
  readonly source: string;
  readonly file: string | undefined;
  readonly flags: Flags;
}

async function readBody({ source, file, flags }: Given, parts: CommandParts): Promise<JsonObject> {
  const t = parts.translate;
  if (file === undefined && source !== "builtin")
    throw new CommandFailure(exitCodes.usage, t("fault.priceDocument", { source }));
  const given: readonly (readonly [string, Json | undefined])[] = [
    ["source", source],
    // As text: a number of the list keeps its digits.
    ["document", file === undefined ? undefined : await readDocument(file, parts)],
    ["providers", listOf(flags["provider"])],
    ["models", listOf(flags["model"])],
    ["channels", listOf(flags["channel"])?.map((id) => channelId(id, parts))],
    ["side", textOf(flags["side"])],
    ["quotaPerUnit", textOf(flags["quotaPerUnit"])],
  ];
  return Object.fromEntries(
    given.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

async function readDocument(path: string, parts: CommandParts): Promise<string> {
  try {
    return path === "-" ? await parts.readStdin() : await readFile(path, "utf8");
  } catch (error) {
    const values = { path, reason: messageOf(error) };
    throw new CommandFailure(exitCodes.usage, parts.translate("fault.file", values));
  }
}

function channelId(text: string, parts: CommandParts): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  const values = { flag: "--channel", value: text };
  throw new CommandFailure(exitCodes.usage, parts.translate("fault.number", values));
}

function listOf(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.map(String) : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
