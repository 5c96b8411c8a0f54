/** Judges what the database probe of `doctor` found: reach, version, TLS, clock, tables, secret. */
import type { DatabaseFacts, Probed } from "./doctor-probes.ts";
import type { Finding } from "./finding.ts";
import type { Translate } from "./messages.ts";

/** All times stored are the database's; a clock this far off confuses whoever compares logs. */
const muchSkewMs = 2000;
/** A change is promised everywhere in under a second; a slower answer eats that up. */
const slowMs = 100;

/** One finding for each thing that can be wrong with a database; a good one gives three lines. */
export function judgeDatabase(probed: Probed<DatabaseFacts>, t: Translate): readonly Finding[] {
  const check = "database";
  if (!probed.reached) {
    const wrong: Finding = { check, state: "wrong", detail: probed.problem };
    return [probed.mend === undefined ? wrong : { ...wrong, mend: probed.mend }];
  }
  const { facts } = probed;
  return [
    judgeVersion(facts, t),
    ...judgeTls(facts, t),
    ...judgeClock(facts, t),
    judgeSchema(facts, t),
    judgeSecret(facts, t),
  ];
}

function judgeVersion(facts: DatabaseFacts, t: Translate): Finding {
  const { engine, address, version, minimumVersion } = facts;
  const ms = String(facts.roundTripMs);
  const detail = t("doctor.databaseOk", { engine, address, version, ms });
  const check = "database";
  if (minimumVersion !== undefined) {
    const mend = t("doctor.mendVersion", { minimum: minimumVersion });
    return { check, state: "wrong", detail, mend };
  }
  if (facts.roundTripMs > slowMs)
    return { check, state: "warning", detail, mend: t("doctor.mendSlow") };
  return { check, state: "ok", detail };
}

function judgeTls(facts: DatabaseFacts, t: Translate): readonly Finding[] {
  if (facts.tls === "none") return [];
  if (facts.tls === "verified") return [{ check: "tls", state: "ok", detail: t("doctor.tlsOk") }];
  const key = facts.tls === "plain" ? "doctor.tlsPlain" : "doctor.tlsUnverified";
  return [{ check: "tls", state: "warning", detail: t(key), mend: t("doctor.mendTls") }];
}

function judgeClock(facts: DatabaseFacts, t: Translate): readonly Finding[] {
  if (facts.engine === "sqlite") return [];
  const detail = t("doctor.clock", { ms: String(facts.clockSkewMs) });
  if (Math.abs(facts.clockSkewMs) <= muchSkewMs) return [{ check: "clock", state: "ok", detail }];
  return [{ check: "clock", state: "warning", detail, mend: t("doctor.mendClock") }];
}

function judgeSchema(facts: DatabaseFacts, t: Translate): Finding {
  const check = "schema";
  const product = facts.foreignProduct ?? t("doctor.anotherProduct");
  switch (facts.schema) {
    case "current":
      return { check, state: "ok", detail: t("doctor.schemaCurrent") };
    case "empty":
      return { check, state: "ok", detail: t("doctor.schemaEmpty") };
    case "older":
      return { check, state: "ok", detail: t("doctor.schemaOlder") };
    case "newer":
      return { check, state: "ok", detail: t("doctor.schemaNewer") };
    case "unsupported": {
      const mend = t("doctor.mendSchemaUnsupported");
      return { check, state: "wrong", detail: t("doctor.schemaUnsupported"), mend };
    }
    case "foreign": {
      const mend = t("doctor.mendSchemaForeign");
      return { check, state: "wrong", detail: t("doctor.schemaForeign", { product }), mend };
    }
  }
}

function judgeSecret(facts: DatabaseFacts, t: Translate): Finding {
  const check = "secret";
  if (facts.secret === "matches") return { check, state: "ok", detail: t("doctor.secretOk") };
  if (facts.secret === "unset") return { check, state: "ok", detail: t("doctor.secretUnset") };
  const mend = t("doctor.mendSecret");
  return { check, state: "wrong", detail: t("doctor.secretDiffers"), mend };
}
