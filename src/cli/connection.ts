/** Which node a command speaks to, and as whom: flags first, then SWITCHYARD_URL and SWITCHYARD_TOKEN. */
import { Option } from "commander";
import type { Command } from "commander";
import type { JsonObject } from "../core/json-value.ts";
import { makeApiClient, objectsOf } from "./api-client.ts";
import type { ApiClient } from "./api-client.ts";
import { CommandFailure, exitCodes } from "./exit-codes.ts";
import type { CommandParts } from "./program-parts.ts";
import { readSecretFile } from "./read-fields.ts";
import type { Flags } from "./read-fields.ts";

/** Variables of the command line; it reads them and no node does, so the table in config/ does not have them. */
export const clientVariables = ["SWITCHYARD_URL", "SWITCHYARD_TOKEN"] as const;

/** Time a node has to answer, beyond what `--wait` asks it to wait. */
const answerMs = 15_000;
const defaultWaitS = 5;
/** The management API waits no longer. */
const longestWaitS = 60;

/** Adds the flags that every command against a node has. */
export function addConnectionFlags(command: Command, parts: CommandParts): Command {
  const t = parts.translate;
  return command
    .option("--url <url>", t("flag.url"))
    .option("--token <token>", t("flag.token"))
    .option("--token-file <path>", t("flag.tokenFile"))
    .addOption(formatOption(parts));
}

/** `-o table|json`. */
export function formatOption(parts: CommandParts): Option {
  return new Option("-o, --format <format>", parts.translate("flag.format"))
    .choices(["table", "json"])
    .default("table");
}

/** Adds `--wait [seconds]`. */
export function addWaitFlag(command: Command, parts: CommandParts): Command {
  return command.option("--wait [seconds]", parts.translate("flag.wait"));
}

/** A client for the node that the flags or the environment name. */
export async function connect(flags: Flags, parts: CommandParts): Promise<ApiClient> {
  const port = parts.environment("PORT") ?? "3000";
  const url = text(flags["url"]) ?? text(parts.environment("SWITCHYARD_URL"));
  const address = url ?? `http://127.0.0.1:${port}`;
  if (!URL.canParse(address) || !/^https?:/.test(address))
    throw new CommandFailure(exitCodes.usage, parts.translate("fault.url", { url: address }));
  const token = await findToken(flags, parts);
  if (token === undefined)
    throw new CommandFailure(exitCodes.usage, parts.translate("fault.noToken"));
  const waitMs = (waitSeconds(flags, parts) ?? 0) * 1000;
  return makeApiClient({ url: address, token, timeoutMs: answerMs + waitMs });
}

async function findToken(flags: Flags, parts: CommandParts): Promise<string | undefined> {
  const file = text(flags["tokenFile"]);
  if (file !== undefined) return await readSecretFile(file, parts);
  return text(flags["token"]) ?? text(parts.environment("SWITCHYARD_TOKEN"));
}

/** The query of a write: `wait=converged&timeout=5s` under `--wait`. */
export function waitQuery(flags: Flags, parts: CommandParts): Readonly<Record<string, string>> {
  const seconds = waitSeconds(flags, parts);
  return seconds === undefined ? {} : { wait: "converged", timeout: `${seconds}s` };
}

function waitSeconds(flags: Flags, parts: CommandParts): number | undefined {
  const value = flags["wait"];
  if (value === undefined) return undefined;
  if (value === true) return defaultWaitS;
  const seconds = /^\d{1,2}$/.test(String(value)) ? Number(value) : 0;
  if (seconds < 1 || seconds > longestWaitS)
    throw new CommandFailure(
      exitCodes.usage,
      parts.translate("fault.wait", { value: String(value) }),
    );
  return seconds;
}

/** All rows of a list, page after page. */
export async function listAll(
  client: ApiClient,
  path: string,
  query: Readonly<Record<string, string>> = {},
): Promise<readonly JsonObject[]> {
  const rows: JsonObject[] = [];
  let cursor: string | undefined;
  do {
    const { body } = await client.call({ method: "GET", path, query: { ...query, cursor } });
    rows.push(...objectsOf(body["data"]));
    const next = body["nextCursor"];
    // The same cursor twice would be a loop without end.
    cursor = typeof next === "string" && next !== "" && next !== cursor ? next : undefined;
  } while (cursor !== undefined);
  return rows;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
