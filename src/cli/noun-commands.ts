/** `channels|keys|groups|prices` `add|list|get|edit|remove`: one implementation for all nouns. */
import type { Command } from "commander";
import { isObject, type JsonObject } from "../core/json-value.ts";
import type { ApiReply, ApiRequest } from "./api-client.ts";
import { addConnectionFlags, addWaitFlag, connect, listAll, waitQuery } from "./connection.ts";
import { CommandFailure, exitCodes } from "./exit-codes.ts";
import type { FieldKind, Noun } from "./nouns.ts";
import type { CommandParts } from "./program-parts.ts";
import { readChanges, readNewRow } from "./read-fields.ts";
import type { Flags } from "./read-fields.ts";
import { renderObject, renderTable } from "./render-table.ts";

/** Adds one noun with its verbs to the program; answers its command. */
export function addNoun(program: Command, noun: Noun, parts: CommandParts): Command {
  const command = program.command(noun.name).description(parts.translate(noun.help));
  addList(command, noun, parts);
  addGet(command, noun, parts);
  addAdd(command, noun, parts);
  addEdit(command, noun, parts);
  addRemove(command, noun, parts);
  if (noun.hasTest) addTest(command, noun, parts);
  if (noun.hasUpstreamModels) addUpstreamModels(command, noun, parts);
  return command;
}

function addList(command: Command, noun: Noun, parts: CommandParts): void {
  const list = command.command("list").description(parts.translate("verb.list"));
  addConnectionFlags(list, parts).action(async (flags: Flags) => {
    const rows = await listAll(await connect(flags, parts), pathOf(noun));
    if (flags["format"] === "json") return parts.print(JSON.stringify({ data: rows }, null, 2));
    for (const line of renderTable(noun.columns, rows)) parts.print(line);
  });
}

function addGet(command: Command, noun: Noun, parts: CommandParts): void {
  const get = command.command("get <id>").description(parts.translate("verb.get"));
  addConnectionFlags(get, parts).action(async (id: string, flags: Flags) => {
    const client = await connect(flags, parts);
    const reply = await client.call({ method: "GET", path: pathOf(noun, id) });
    printReply(reply, flags, parts);
  });
}

function addAdd(command: Command, noun: Noun, parts: CommandParts): void {
  const add = command.command("add").description(parts.translate("verb.add"));
  addFieldFlags(add, noun, parts);
  addWaitFlag(addConnectionFlags(add, parts), parts).action(async (flags: Flags) => {
    const body = await readNewRow(noun, flags, parts);
    await write({ method: "POST", path: pathOf(noun), body }, flags, parts);
  });
}

function addEdit(command: Command, noun: Noun, parts: CommandParts): void {
  const t = parts.translate;
  const edit = command.command("edit <id>").description(t("verb.edit"));
  addFieldFlags(edit, noun, parts)
    .option("--clear <field>", t("flag.clear"), collect)
    .option("--if-match <etag>", t("flag.ifMatch"));
  addWaitFlag(addConnectionFlags(edit, parts), parts).action(async (id: string, flags: Flags) => {
    const body = await readChanges(noun, flags, parts);
    if (Object.keys(body).length === 0)
      throw new CommandFailure(exitCodes.usage, t("fault.nothingToChange"));
    const request: ApiRequest = { method: "PATCH", path: pathOf(noun, id), body };
    await write({ ...request, ...ifMatch(flags) }, flags, parts);
  });
}

function addRemove(command: Command, noun: Noun, parts: CommandParts): void {
  const t = parts.translate;
  const remove = command
    .command("remove <id>")
    .description(t("verb.remove"))
    .option("--if-match <etag>", t("flag.ifMatch"));
  addWaitFlag(addConnectionFlags(remove, parts), parts).action(async (id: string, flags: Flags) => {
    await write({ method: "DELETE", path: pathOf(noun, id), ...ifMatch(flags) }, flags, parts);
  });
}

function addTest(command: Command, noun: Noun, parts: CommandParts): void {
  const t = parts.translate;
  const test = command
    .command("test <id>")
    .description(t("verb.test"))
    .option("--model <name>", t("flag.testModel"));
  addConnectionFlags(test, parts).action(async (id: string, flags: Flags) => {
    const client = await connect(flags, parts);
    const model = flags["model"];
    const body = typeof model === "string" ? { model } : {};
    const path = `${pathOf(noun, id)}/test`;
    const reply = await client.call({ method: "POST", path, body });
    printReply(reply, flags, parts);
    const result = reply.body["data"];
    if (isObject(result) && (result["ok"] === false || result["success"] === false))
      throw new CommandFailure(exitCodes.failed, t("fault.testFailed"));
  });
}

function addUpstreamModels(command: Command, noun: Noun, parts: CommandParts): void {
  const models = command.command("models <id>").description(parts.translate("verb.models"));
  addConnectionFlags(models, parts).action(async (id: string, flags: Flags) => {
    const client = await connect(flags, parts);
    const path = `${pathOf(noun, id)}/upstream-models`;
    const reply = await client.call({ method: "GET", path });
    if (flags["format"] === "json") return parts.print(JSON.stringify(reply.body, null, 2));
    const { data } = reply.body;
    // One a line, so that they can be handed on to other commands.
    for (const model of Array.isArray(data) ? data : [])
      if (isObject(model)) parts.print(String(model["id"]));
  });
}

const placeholders: Readonly<Record<FieldKind, string>> = {
  text: "text",
  number: "number",
  boolean: "true|false",
  list: "text",
  pair: "name=value",
  reference: "id|name",
  limit: "what=amount/span",
};

function addFieldFlags(command: Command, noun: Noun, parts: CommandParts): Command {
  const t = parts.translate;
  for (const { flag, kind, help } of noun.flags) {
    const value = placeholders[kind];
    const repeated = kind === "list" || kind === "pair" || kind === "limit";
    if (repeated) command.option(`--${flag} <${value}>`, t(help), collect);
    else command.option(`--${flag} <${value}>`, t(help));
  }
  if (noun.hasCredentials)
    command
      .option("--credential-file <path>", t("flag.credentialFile"), collect)
      .option("--credential-env <name>", t("flag.credentialEnv"), collect)
      .option("--credential-stdin", t("flag.credentialStdin"))
      .option("--without-credential", t("flag.withoutCredential"));
  return command.option("--set <json>", t("flag.set"), collect);
}

async function write(request: ApiRequest, flags: Flags, parts: CommandParts): Promise<void> {
  const client = await connect(flags, parts);
  const reply = await client.call({ ...request, query: waitQuery(flags, parts) });
  printReply(reply, flags, parts);
  if (reply.body["converged"] !== false) return;
  const pending = reply.body["pending"];
  const nodes = Array.isArray(pending) ? pending.join(", ") : "";
  throw new CommandFailure(exitCodes.failed, parts.translate("fault.notConverged", { nodes }));
}

function printReply(reply: ApiReply, flags: Flags, parts: CommandParts): void {
  if (flags["format"] === "json") return parts.print(JSON.stringify(reply.body, null, 2));
  const { data, revision, converged } = reply.body;
  if (isObject(data)) for (const line of renderObject(data)) parts.print(line);
  const t = parts.translate;
  if (isObject(data) && typeof data["key"] === "string") parts.printError(t("note.keyOnce"));
  if (typeof revision !== "number") return;
  const key = converged === true ? "note.everywhere" : "note.revision";
  parts.printError(t(key, { revision: String(revision) }));
}

function ifMatch(flags: Flags): { ifMatch?: string } {
  const value = flags["ifMatch"];
  return typeof value === "string" ? { ifMatch: value } : {};
}

function pathOf(noun: Noun, id?: string): string {
  return id === undefined ? `/api/${noun.name}` : `/api/${noun.name}/${encodeURIComponent(id)}`;
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** The `data` of a reply as an object; empty where it is none. */
export function dataOf(reply: ApiReply): JsonObject {
  const data = reply.body["data"];
  return isObject(data) ? data : {};
}
