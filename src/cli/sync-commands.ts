/** `nodes`, `sync status`, `sync verify`. Promise kept here: an operator can see that a change is everywhere. */
import type { Command } from "commander";
import { sleep } from "../core/clock.ts";
import type { Clock } from "../core/clock.ts";
import type { JsonObject } from "../core/json-value.ts";
import { addConnectionFlags, connect, listAll } from "./connection.ts";
import { CommandFailure, exitCodes } from "./exit-codes.ts";
import { dataOf } from "./noun-commands.ts";
import type { CommandParts } from "./program-parts.ts";
import type { Flags } from "./read-fields.ts";
import { renderObject, renderTable } from "./render-table.ts";

const nodeColumns = ["id", "type", "version", "state", "appliedRevision", "headRevision"];
const delayColumns = ["lagMs", "stalenessMs", "leader", "lastError"];

/** Between two looks while nodes still differ; a change is everywhere in under a second. */
const lookAgainMs = 250;

/** Adds the three commands. */
export function addSyncCommands(program: Command, parts: CommandParts, clock: Clock): void {
  const t = parts.translate;
  const nodes = program.command("nodes").description(t("command.nodes"));
  addConnectionFlags(nodes, parts).action(async (flags: Flags) => {
    const rows = await listAll(await connect(flags, parts), "/api/nodes");
    if (flags["format"] === "json") return parts.print(JSON.stringify({ data: rows }, null, 2));
    for (const line of renderTable([...nodeColumns, ...delayColumns], rows)) parts.print(line);
  });
  const sync = program.command("sync").description(t("command.sync"));
  const status = sync.command("status").description(t("command.syncStatus"));
  addConnectionFlags(status, parts).action(async (flags: Flags) => {
    const client = await connect(flags, parts);
    const reply = await client.call({ method: "GET", path: "/api/sync" });
    if (flags["format"] === "json") return parts.print(JSON.stringify(reply.body, null, 2));
    for (const line of renderObject(dataOf(reply))) parts.print(line);
  });
  const verify = sync
    .command("verify")
    .description(t("command.syncVerify"))
    .option("--timeout <seconds>", t("flag.verifyTimeout"), "5");
  addConnectionFlags(verify, parts).action((flags: Flags) => verifyNodes(flags, parts, clock));
}

async function verifyNodes(flags: Flags, parts: CommandParts, clock: Clock): Promise<void> {
  const t = parts.translate;
  const value = String(flags["timeout"]);
  if (!/^\d{1,4}$/.test(value))
    throw new CommandFailure(exitCodes.usage, t("fault.number", { flag: "--timeout", value }));
  const client = await connect(flags, parts);
  const until = clock.monotonic() + Number(value) * 1000;
  let verdict = judgeNodes(await listAll(client, "/api/nodes"));
  while (!verdict.same && clock.monotonic() < until) {
    await sleepAwake(clock, lookAgainMs);
    verdict = judgeNodes(await listAll(client, "/api/nodes"));
  }
  if (flags["format"] === "json") parts.print(JSON.stringify({ data: verdict }, null, 2));
  else
    for (const line of renderTable(
      ["id", "revision", "commitId", "digest", "state"],
      verdict.nodes,
    ))
      parts.print(line);
  if (verdict.nodes.length === 0) throw new CommandFailure(exitCodes.failed, t("fault.noNodes"));
  if (!verdict.same)
    throw new CommandFailure(exitCodes.failed, t("fault.diverged"), divergence(verdict, parts));
  if (flags["format"] !== "json")
    parts.print(
      t("note.same", { count: String(verdict.nodes.length), revision: verdict.revision }),
    );
}

interface Verdict {
  /** Whether all live nodes serve the same content of the newest revision that any of them knows. */
  readonly same: boolean;
  /** The newest revision any node knows of. */
  readonly revision: string;
  readonly nodes: readonly JsonObject[];
}

/** Compares what live nodes serve; nodes that stopped reporting are not counted. */
function judgeNodes(rows: readonly JsonObject[]): Verdict {
  const live = rows.filter((row) => row["live"] !== false && row["state"] !== "gone");
  const nodes = live.map((row): JsonObject => ({
    id: row["id"] ?? null,
    revision: row["appliedRevision"] ?? null,
    commitId: row["commitId"] ?? null,
    digest: row["digest"] ?? null,
    state: row["state"] ?? null,
  }));
  const known = live.flatMap((row) => [row["appliedRevision"], row["headRevision"]]);
  const newest = Math.max(-1, ...known.map((value) => (value == null ? -1 : Number(value))));
  const content = new Set(nodes.map((node) => JSON.stringify([node["commitId"], node["digest"]])));
  const upToDate = nodes.every((node) => Number(node["revision"] ?? -2) === newest);
  return {
    same: nodes.length > 0 && upToDate && content.size === 1,
    revision: String(newest),
    nodes,
  };
}

function divergence(verdict: Verdict, parts: CommandParts): readonly string[] {
  const t = parts.translate;
  return verdict.nodes.flatMap((node) => {
    const id = String(node["id"]);
    const revision = String(node["revision"]);
    if (revision !== verdict.revision)
      return [t("fault.nodeBehind", { id, revision, newest: verdict.revision })];
    const digest = String(node["digest"]);
    return [t("fault.nodeContent", { id, revision, commit: String(node["commitId"]), digest })];
  });
}

/** Clock timers do not keep a process alive; a command that waits must. */
async function sleepAwake(clock: Clock, delayMs: number): Promise<void> {
  const channel = new MessageChannel();
  channel.port1.ref();
  await sleep(clock, delayMs);
  channel.port1.close();
}
