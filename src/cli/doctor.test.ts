import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../core/clock.ts";
import type { Clock } from "../core/clock.ts";
import { examine, judgeConfig, judgeDisk, judgeLogStore, judgeMemory } from "./doctor.ts";
import { judgePort, judgeRedis } from "./doctor.ts";
import { renderFindings } from "./doctor.ts";
import type { DatabaseFacts, MachineProbes } from "./doctor-probes.ts";
import { judgeDatabase } from "./judge-database.ts";
import { makeTranslate } from "./messages.ts";

const t = makeTranslate("en");
const gigabyte = 1024 ** 3;

const goodDatabase: DatabaseFacts = {
  engine: "postgres",
  address: "db:5432/switchyard",
  version: "16.4",
  clockSkewMs: 12,
  roundTripMs: 2,
  tls: "verified",
  schema: "current",
  secret: "matches",
};

const goodMachine: MachineProbes = {
  database: async () => ({ reached: true, facts: goodDatabase }),
  redis: async () => undefined,
  logStore: async () => undefined,
  port: async () => ({ host: "127.0.0.1", port: 3000, state: "free" }),
  disk: async () => ({
    folder: "/data",
    freeBytes: 50 * gigabyte,
    ephemeral: false,
    holdsDatabase: false,
  }),
  memory: () => ({ limitBytes: 4 * gigabyte, heldBytes: gigabyte / 2 }),
};
const goodConfig = { faults: [], ineffective: [] };

const statesOf = (facts: Partial<DatabaseFacts>): string[] =>
  judgeDatabase({ reached: true, facts: { ...goodDatabase, ...facts } }, t)
    .filter((finding) => finding.state !== "ok")
    .map((finding) => `${finding.state} ${finding.check}`);

test("a healthy machine has nothing but ok", async () => {
  const findings = await examine({ config: goodConfig, machine: goodMachine }, systemClock, t);
  assert.deepEqual([...new Set(findings.map((finding) => finding.state))], ["ok"]);
  const checks = findings.map((finding) => finding.check);
  const expected = "config database tls clock schema secret redis port disk memory";
  assert.deepEqual(checks, expected.split(" "));
});

test("each database fault is told apart", () => {
  assert.deepEqual(statesOf({ minimumVersion: "12" }), ["wrong database"]);
  assert.deepEqual(statesOf({ roundTripMs: 250 }), ["warning database"]);
  assert.deepEqual(statesOf({ tls: "plain" }), ["warning tls"]);
  assert.deepEqual(statesOf({ tls: "unverified" }), ["warning tls"]);
  assert.deepEqual(statesOf({ clockSkewMs: -60_000 }), ["warning clock"]);
  assert.deepEqual(statesOf({ schema: "unsupported" }), ["wrong schema"]);
  assert.deepEqual(statesOf({ schema: "foreign", foreignProduct: "One Hub" }), ["wrong schema"]);
  assert.deepEqual(statesOf({ schema: "empty", secret: "unset" }), []);
  assert.deepEqual(statesOf({ schema: "older" }), []);
  assert.deepEqual(statesOf({ schema: "newer" }), []);
  assert.deepEqual(statesOf({ secret: "differs" }), ["wrong secret"]);
});

test("an unreachable database is wrong, an unreachable Redis only a warning", () => {
  const gone = { reached: false as const, problem: "connection refused" };
  const [database] = judgeDatabase(gone, t);
  assert.equal(database?.state, "wrong");
  assert.equal(database?.mend, undefined);
  const [explained] = judgeDatabase({ ...gone, mend: "start it" }, t);
  assert.equal(explained?.mend, "start it");
  assert.equal(judgeRedis(gone, t)[0]?.state, "warning");
});

test("a log store is told of where there is one; without an answer it is only warned of", () => {
  assert.deepEqual(judgeLogStore(undefined, t), []);
  const facts = { address: "logs:8123", version: "25.8", tls: false, roundTripMs: 3 };
  const [answers] = judgeLogStore({ reached: true, facts }, t);
  assert.equal(answers?.detail, "ClickHouse 25.8 at logs:8123, no TLS, 3 ms");
  const [silent] = judgeLogStore({ reached: false, problem: "connection refused" }, t);
  assert.equal(silent?.state, "warning");
  assert.match(silent?.mend ?? "", /LOG_STORE_URL/);
});

test("faulty configuration is told variable by variable, and nothing else is asked", async () => {
  const config = {
    faults: [
      { name: "PORT", message: "must be a number" },
      { name: "SECRET_KEY", message: "must be set" },
    ],
    ineffective: [{ name: "FRONTEND_BASE_URL", reason: "every node serves itself" }],
  };
  const findings = await examine({ config, machine: undefined }, systemClock, t);
  assert.deepEqual(
    findings.map((finding) => finding.state),
    ["wrong", "wrong", "warning"],
  );
  assert.match(findings[0]?.detail ?? "", /^PORT: must be a number$/);
  assert.equal(judgeConfig(goodConfig, t)[0]?.state, "ok");
});

test("a port of ours is fine, another program's is not", () => {
  const at = { host: "0.0.0.0", port: 80 };
  assert.equal(judgePort({ ...at, state: "ours", detail: "0.1.0" }, t).state, "ok");
  assert.equal(judgePort({ ...at, state: "taken" }, t).state, "wrong");
  const refused = judgePort({ ...at, state: "refused", detail: "EACCES" }, t);
  assert.match(refused.detail, /0\.0\.0\.0:80: EACCES/);
});

test("disk: unwritable and full are wrong, ephemeral warns", () => {
  const disk = { folder: "/data", freeBytes: 50 * gigabyte, ephemeral: false, holdsDatabase: true };
  const states = (facts: Partial<typeof disk> & { notWritable?: string }): string[] =>
    judgeDisk({ ...disk, ...facts }, t).map((finding) => finding.state);
  assert.deepEqual(states({}), ["ok"]);
  assert.deepEqual(states({ notWritable: "EROFS" }), ["wrong"]);
  assert.deepEqual(states({ freeBytes: 1024 }), ["wrong"]);
  assert.deepEqual(states({ freeBytes: 200 * 1024 ** 2 }), ["warning"]);
  assert.deepEqual(states({ ephemeral: true }), ["ok", "warning"]);
});

test("memory: too little, or too much of it promised to bodies, warns", () => {
  assert.equal(judgeMemory({ limitBytes: gigabyte / 8, heldBytes: 1 }, t).state, "warning");
  const promised = judgeMemory({ limitBytes: gigabyte / 2, heldBytes: gigabyte / 2 }, t);
  assert.match(promised.mend ?? "", /MAX_HELD_SIZE/);
  assert.equal(judgeMemory({ limitBytes: gigabyte * 2, heldBytes: gigabyte / 2 }, t).state, "ok");
});

test("a probe that throws, and one that never answers, are findings and hold nobody up", async () => {
  const hurried: Clock = {
    ...systemClock,
    after: (delayMs, action) => systemClock.after(delayMs / 1000, action),
  };
  const machine: MachineProbes = {
    ...goodMachine,
    database: () => new Promise(() => undefined),
    disk: () => Promise.reject(new Error("EIO")),
  };
  const keepAwake = new MessageChannel();
  keepAwake.port1.ref();
  const findings = await examine({ config: goodConfig, machine }, hurried, t);
  keepAwake.port1.close();
  const wrong = findings.filter((finding) => finding.state === "wrong");
  assert.deepEqual(
    wrong.map((finding) => `${finding.check}: ${finding.detail}`),
    ["database: no answer within 15 s", "disk: EIO"],
  );
});

test("the report gives each mend on the line below", () => {
  const lines = renderFindings(
    [{ check: "port", state: "wrong", detail: "taken", mend: "free it" }],
    t,
  );
  assert.deepEqual(lines, ["WRONG  port      taken", "                 mend: free it"]);
});
