/** Counts and times of calls. Labels are bounded: operations, statuses, outcomes, channel ids; never a model or a key. */
import { Counter, Gauge, Histogram } from "@prometheus-io/client";
import type { Registry } from "@prometheus-io/client";
import type { CallMeters, LogMeters } from "./meters.ts";

/** Seconds. Vendors answer in tenths of seconds to minutes. */
const callBuckets = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
];

/** Registers the counters of calls. */
export function makeCallMeters(registry: Registry, version: string): CallMeters & LogMeters {
  const registers = [registry];
  new Gauge({
    name: "switchyard_build_info",
    help: "Version of this node",
    labelNames: ["version"],
    registers,
  }).set({ version }, 1);
  const calls = new Counter({
    name: "switchyard_calls_total",
    help: "Finished calls",
    labelNames: ["operation", "status", "outcome"],
    registers,
  });
  const duration = new Histogram({
    name: "switchyard_call_duration_seconds",
    help: "From a call's admission to its last byte",
    labelNames: ["operation"],
    buckets: callBuckets,
    registers,
  });
  const firstByte = new Histogram({
    name: "switchyard_call_first_byte_seconds",
    help: "From a call's admission to its first content",
    labelNames: ["operation"],
    buckets: callBuckets,
    registers,
  });
  const attempts = new Counter({
    name: "switchyard_attempts_total",
    help: "Attempts at upstreams by channel and result",
    labelNames: ["channel", "result"],
    registers,
  });
  const running = new Gauge({
    name: "switchyard_calls_running",
    help: "Calls under way",
    registers,
  });
  const dropped = new Counter({
    name: "switchyard_call_records_dropped_total",
    help: "Calls whose record was lost because the journal was full",
    registers,
  });
  return {
    finished: ({ operation, status, outcome }, seconds, firstByteSeconds) => {
      calls.inc({ operation, status, outcome });
      duration.observe({ operation }, seconds);
      if (firstByteSeconds !== null) firstByte.observe({ operation }, firstByteSeconds);
    },
    attempted: ({ channelId, result }) => attempts.inc({ channel: channelId, result }),
    running: (delta) => running.inc(delta),
    recordsDropped: (count) => dropped.inc(count),
  };
}
