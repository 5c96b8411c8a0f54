/**
 * `switchyard doctor`: what is wrong, in one screen, each line with its mend.
 * Promise kept here: `wrong` is said only of what stops the gateway from serving or loses data; the rest is a warning.
 */
import { sleep } from "../core/clock.ts";
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type {
  ConfigFacts,
  DiskFacts,
  DoctorProbes,
  LogStoreFacts,
  MachineProbes,
  MemoryFacts,
  PortFacts,
  Probed,
  RedisFacts,
} from "./doctor-probes.ts";
import type { Finding, FindingState } from "./finding.ts";
import { judgeDatabase } from "./judge-database.ts";
import type { Translate } from "./messages.ts";

/** A probe that has not answered by then is itself a finding. */
const probeTimeoutMs = 15_000;
const megabyte = 1024 * 1024;
const littleMemory = 256 * megabyte;
const noDisk = 64 * megabyte;
const littleDisk = 1024 * megabyte;

/** Runs all probes at once; findings come in a fixed order. */
export async function examine(
  probes: DoctorProbes,
  clock: Clock,
  translate: Translate,
): Promise<readonly Finding[]> {
  const config = judgeConfig(probes.config, translate);
  const { machine } = probes;
  if (machine === undefined) return config;
  const checks = machineChecks(machine, translate).map(({ check, run }) =>
    guarded(check, run, clock, translate),
  );
  return [...config, ...(await Promise.all(checks)).flat()];
}

interface Check {
  readonly check: string;
  readonly run: () => Promise<readonly Finding[]>;
}

function machineChecks(machine: MachineProbes, t: Translate): readonly Check[] {
  return [
    { check: "database", run: async () => judgeDatabase(await machine.database(), t) },
    { check: "redis", run: async () => judgeRedis(await machine.redis(), t) },
    { check: "log store", run: async () => judgeLogStore(await machine.logStore(), t) },
    { check: "port", run: async () => [judgePort(await machine.port(), t)] },
    { check: "disk", run: async () => judgeDisk(await machine.disk(), t) },
    { check: "memory", run: async () => [judgeMemory(machine.memory(), t)] },
  ];
}

async function guarded(
  check: string,
  run: () => Promise<readonly Finding[]>,
  clock: Clock,
  t: Translate,
): Promise<readonly Finding[]> {
  const seconds = String(probeTimeoutMs / 1000);
  const late = sleep(clock, probeTimeoutMs).then((): readonly Finding[] => [
    { check, state: "wrong", detail: t("doctor.noAnswer", { seconds }) },
  ]);
  const answered = run().catch((error: unknown): readonly Finding[] => [
    { check, state: "wrong", detail: messageOf(error) },
  ]);
  return await Promise.race([answered, late]);
}

/** Faults are wrong; variables without effect are warnings. */
export function judgeConfig(facts: ConfigFacts, t: Translate): readonly Finding[] {
  const faults = facts.faults.map((fault): Finding => ({
    check: "config",
    state: "wrong",
    detail: `${fault.name}: ${fault.message}`,
    mend: t("doctor.mendVariable", { variable: fault.name }),
  }));
  const ineffective = facts.ineffective.map((entry): Finding => ({
    check: "config",
    state: "warning",
    detail: t("doctor.ineffective", { variable: entry.name, reason: entry.reason }),
    mend: t("doctor.mendIneffective", { variable: entry.name }),
  }));
  if (faults.length > 0) return [...faults, ...ineffective];
  return [{ check: "config", state: "ok", detail: t("doctor.configOk") }, ...ineffective];
}

/** Redis only makes things faster, so its loss is a warning. */
export function judgeRedis(
  probed: Probed<RedisFacts> | undefined,
  t: Translate,
): readonly Finding[] {
  const check = "redis";
  if (probed === undefined) return [{ check, state: "ok", detail: t("doctor.redisNone") }];
  if (!probed.reached) {
    const mend = probed.mend ?? t("doctor.mendRedis");
    return [{ check, state: "warning", detail: probed.problem, mend }];
  }
  const { address, version, tls, roundTripMs } = probed.facts;
  const values = {
    address,
    version,
    tls: tls ? "TLS" : t("doctor.noTls"),
    ms: String(roundTripMs),
  };
  return [{ check, state: "ok", detail: t("doctor.redisOk", values) }];
}

/** While it is away rows of calls stay in the database, so it is only warned of. */
export function judgeLogStore(
  probed: Probed<LogStoreFacts> | undefined,
  t: Translate,
): readonly Finding[] {
  const check = "log store";
  if (probed === undefined) return [];
  if (!probed.reached)
    return [{ check, state: "warning", detail: probed.problem, mend: t("doctor.mendLogStore") }];
  const { address, version, tls, roundTripMs } = probed.facts;
  const values = { address, version, ms: String(roundTripMs) };
  const encryption = { tls: tls ? "TLS" : t("doctor.noTls") };
  return [{ check, state: "ok", detail: t("doctor.logStoreOk", { ...values, ...encryption }) }];
}

/** A node of ours on the port is fine: doctor is mostly run beside one. */
export function judgePort(facts: PortFacts, t: Translate): Finding {
  const values = { address: `${facts.host}:${facts.port}`, detail: facts.detail ?? "" };
  if (facts.state === "free")
    return { check: "port", state: "ok", detail: t("doctor.portFree", values) };
  if (facts.state === "ours")
    return { check: "port", state: "ok", detail: t("doctor.portOurs", values) };
  if (facts.state === "taken") {
    const mend = t("doctor.mendPortTaken");
    return { check: "port", state: "wrong", detail: t("doctor.portTaken", values), mend };
  }
  const mend = t("doctor.mendPortRefused");
  return { check: "port", state: "wrong", detail: t("doctor.portRefused", values), mend };
}

/** Writable, roomy, and still there tomorrow. */
export function judgeDisk(facts: DiskFacts, t: Translate): readonly Finding[] {
  const check = "disk";
  const { folder } = facts;
  if (facts.notWritable !== undefined) {
    const detail = t("doctor.notWritable", { folder, reason: facts.notWritable });
    return [{ check, state: "wrong", detail, mend: t("doctor.mendNotWritable") }];
  }
  const free = `${Math.floor(facts.freeBytes / megabyte)} MB`;
  const detail = t("doctor.diskFree", { folder, free });
  const findings: Finding[] = [];
  if (facts.freeBytes >= littleDisk) findings.push({ check, state: "ok", detail });
  else {
    const state = facts.freeBytes < noDisk ? "wrong" : "warning";
    findings.push({ check, state, detail, mend: t("doctor.mendDisk") });
  }
  if (facts.ephemeral) {
    const key = facts.holdsDatabase ? "doctor.ephemeralDatabase" : "doctor.ephemeral";
    const mend = t("doctor.mendEphemeral", { folder });
    findings.push({ check, state: "warning", detail: t(key, { folder }), mend });
  }
  return findings;
}

/** Held bodies may fill their whole allowance under load: half the memory must stay for the rest. */
export function judgeMemory(facts: MemoryFacts, t: Translate): Finding {
  const limit = `${Math.floor(facts.limitBytes / megabyte)} MB`;
  const held = `${Math.floor(facts.heldBytes / megabyte)} MB`;
  const detail = t("doctor.memory", { limit, held });
  if (facts.limitBytes < littleMemory)
    return { check: "memory", state: "warning", detail, mend: t("doctor.mendMemory") };
  if (facts.heldBytes > facts.limitBytes / 2)
    return { check: "memory", state: "warning", detail, mend: t("doctor.mendHeld") };
  return { check: "memory", state: "ok", detail };
}

/** The report as lines: state, check, detail, and the mend below. */
export function renderFindings(findings: readonly Finding[], t: Translate): readonly string[] {
  const marks: Readonly<Record<FindingState, string>> = {
    ok: "ok",
    warning: "warn",
    wrong: "WRONG",
  };
  return findings.flatMap(({ check, state, detail, mend }) => {
    const line = `${marks[state].padEnd(7)}${check.padEnd(10)}${detail}`;
    return mend === undefined ? [line] : [line, `${" ".repeat(17)}${t("doctor.mend", { mend })}`];
  });
}
