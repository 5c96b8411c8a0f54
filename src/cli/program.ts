/**
 * The command line: `switchyard serve|channels|keys|groups|prices|nodes|sync|setup-link|doctor`.
 * Promise kept here: exit codes are stable (exit-codes.ts), errors say what to mend, secrets can stay off the command line.
 */
import { Command, CommanderError } from "commander";
import { systemClock } from "../core/clock.ts";
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import { ApiProblem, NotReachable } from "./api-client.ts";
import { formatOption } from "./connection.ts";
import { examine, renderFindings } from "./doctor.ts";
import { CommandFailure, exitCodes } from "./exit-codes.ts";
import { languageOf, makeTranslate } from "./messages.ts";
import type { MessageKey, Translate } from "./messages.ts";
import { addCodeCommands, addUserMoney } from "./account-commands.ts";
import { addLedgerCommands } from "./ledger-commands.ts";
import { addNoun } from "./noun-commands.ts";
import { nouns } from "./nouns.ts";
import { addPriceImport } from "./price-import.ts";
import type { CommandParts, ProgramParts, ServeOptions } from "./program-parts.ts";
import type { Flags } from "./read-fields.ts";
import { addSyncCommands } from "./sync-commands.ts";

export type { ProgramParts, ServeOptions } from "./program-parts.ts";

export interface Program {
  /** Runs one command line (without node and script); resolves with the exit code, never rejects. */
  run(args: readonly string[]): Promise<number>;
}

/** Joins the commands with the parts they need. */
export function makeProgram(given: ProgramParts, clock: Clock = systemClock): Program {
  const { environment } = given;
  // A variable that is set and empty counts as unset.
  const locale = environment("LOCALE") || environment("LC_ALL") || environment("LANG");
  const parts: CommandParts = { ...given, translate: makeTranslate(languageOf(locale)) };
  return {
    run: async (args) => {
      const outcome = { exitCode: exitCodes.ok as number };
      const program = buildProgram(parts, clock, outcome);
      try {
        await program.parseAsync(withDefaultCommand(args), { from: "user" });
        return outcome.exitCode;
      } catch (error) {
        return report(error, parts);
      }
    },
  };
}

/** `switchyard --demo` means `switchyard serve --demo`; so does no argument at all. */
function withDefaultCommand(args: readonly string[]): readonly string[] {
  const [first] = args;
  if (first === undefined) return ["serve"];
  const own = ["-h", "--help", "-v", "--version"].includes(first);
  return first.startsWith("-") && !own ? ["serve", ...args] : args;
}

function buildProgram(parts: CommandParts, clock: Clock, outcome: { exitCode: number }): Command {
  const t = parts.translate;
  const program = new Command("switchyard");
  localise(program, parts);
  program.description(t("program.description"));
  program.version(parts.version, "-v, --version", t("flag.version"));
  addServe(program, parts, outcome);
  for (const noun of nouns) {
    const command = addNoun(program, noun, parts);
    if (noun.name === "prices") addPriceImport(command, parts);
    if (noun.name === "users") addUserMoney(command, parts);
  }
  addCodeCommands(program, parts);
  addSyncCommands(program, parts, clock);
  addLedgerCommands(program, parts);
  addSetupLink(program, parts);
  addDoctor(program, parts, clock);
  program.addHelpText("after", `\n${t("program.after")}`);
  for (const command of everyCommand(program)) command.helpOption("-h, --help", t("flag.help"));
  return program;
}

function localise(program: Command, parts: CommandParts): void {
  const t = parts.translate;
  const titles: Readonly<Record<string, MessageKey>> = {
    "Usage:": "help.usage",
    "Options:": "help.options",
    "Commands:": "help.commands",
    "Arguments:": "help.arguments",
  };
  program
    .exitOverride()
    .helpCommand(false)
    .configureHelp({
      styleTitle: (title) => (titles[title] === undefined ? title : t(titles[title])),
      // Choices and defaults stand in the descriptions, in the reader's language.
      optionDescription: (option) => option.description,
    })
    .configureOutput({
      writeOut: (text) => parts.print(text.trimEnd()),
      writeErr: () => undefined,
    });
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

function addServe(program: Command, parts: CommandParts, outcome: { exitCode: number }): void {
  const t = parts.translate;
  program
    .command("serve")
    .description(t("command.serve"))
    .option("--demo", t("flag.demo"))
    .option("--port <number>", t("flag.port"))
    .option("--host <address>", t("flag.host"))
    .option("--data <folder>", t("flag.data"))
    .action(async (flags: Flags) => {
      outcome.exitCode = await parts.serve(readServeOptions(flags, t));
    });
}

function readServeOptions(flags: Flags, t: Translate): ServeOptions {
  const { port, host, data } = flags;
  const value = String(port);
  if (port !== undefined && (!/^\d{1,5}$/.test(value) || Number(value) > 65_535))
    throw new CommandFailure(exitCodes.usage, t("fault.number", { flag: "--port", value }));
  return {
    demo: flags["demo"] === true,
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(typeof host === "string" ? { host } : {}),
    ...(typeof data === "string" ? { dataDir: data } : {}),
  };
}

function addSetupLink(program: Command, parts: CommandParts): void {
  const command = program.command("setup-link").description(parts.translate("command.setupLink"));
  command.action(async () => {
    parts.print(await parts.renewSetupLink());
  });
}

function addDoctor(program: Command, parts: CommandParts, clock: Clock): void {
  const t = parts.translate;
  const doctor = program.command("doctor").description(t("command.doctor"));
  doctor.addOption(formatOption(parts)).action(async (flags: Flags) => {
    const findings = await examine(await parts.doctorProbes(), clock, t);
    if (flags["format"] === "json") parts.print(JSON.stringify({ data: findings }, null, 2));
    else for (const line of renderFindings(findings, t)) parts.print(line);
    const wrong = findings.filter((finding) => finding.state === "wrong").length;
    if (wrong > 0)
      throw new CommandFailure(exitCodes.failed, t("doctor.verdict", { count: String(wrong) }));
  });
}

/** Says what went wrong on standard error and gives the exit code for it. */
function report(error: unknown, parts: CommandParts): number {
  const t = parts.translate;
  const say = (message: string): void => parts.printError(t("fault.line", { message }));
  if (error instanceof CommanderError) return reportUsage(error, parts);
  if (error instanceof NotReachable) {
    say(t("fault.notReachable", { url: error.url, reason: error.message }));
    return exitCodes.notReachable;
  }
  if (error instanceof ApiProblem) {
    say(`${error.message} (${[error.code, error.status].filter(Boolean).join(", ")})`);
    for (const { field, message } of error.fields) parts.printError(`  ${field}: ${message}`);
    if (error.status === 401) parts.printError(`  ${t("fault.badToken")}`);
    if (error.requestId !== undefined)
      parts.printError(`  ${t("note.requestId", { id: error.requestId })}`);
    return exitCodes.failed;
  }
  say(messageOf(error));
  if (!(error instanceof CommandFailure)) return exitCodes.failed;
  for (const line of error.details) parts.printError(`  ${line}`);
  return error.exitCode;
}

const usageFaults: Readonly<Record<string, MessageKey>> = {
  "commander.unknownOption": "usage.unknownOption",
  "commander.unknownCommand": "usage.unknownCommand",
  "commander.missingArgument": "usage.missingArgument",
  "commander.optionMissingArgument": "usage.missingValue",
  "commander.invalidArgument": "usage.invalidValue",
  "commander.excessArguments": "usage.tooMany",
};

function reportUsage(error: CommanderError, parts: CommandParts): number {
  const t = parts.translate;
  const asked = ["commander.helpDisplayed", "commander.version"].includes(error.code);
  if (asked) return exitCodes.ok;
  // A noun without a verb: commander would have written its help where it is thrown away.
  const key = usageFaults[error.code] ?? "usage.noVerb";
  const subject = /'([^']*)'/.exec(error.message)?.[1] ?? "";
  parts.printError(t("fault.line", { message: t(key, { subject }) }));
  const guess = /Did you mean (?:one of )?(.*)\?/.exec(error.message)?.[1];
  if (guess !== undefined) parts.printError(`  ${t("usage.guess", { guess })}`);
  parts.printError(`  ${t("usage.help")}`);
  return exitCodes.usage;
}
