/** Counts of calls that go on to the log store. They rise on the node that leads. */
import { Counter } from "@prometheus-io/client";
import type { Registry } from "@prometheus-io/client";
import type { LogStoreMeters } from "./meters.ts";

/** Registers them. */
export function makeLogStoreMeters(registry: Registry): LogStoreMeters {
  const registers = [registry];
  const sent = new Counter({
    name: "switchyard_log_store_calls_total",
    help: "Calls sent on to the log store, as often as they were",
    registers,
  });
  const failures = new Counter({
    name: "switchyard_log_store_failures_total",
    help: "Turns that ended because the log store did not answer or refused",
    registers,
  });
  return { sent: (calls) => sent.inc(calls), failed: () => failures.inc() };
}
