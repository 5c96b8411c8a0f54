/** The page says what was counted, under the names that dashboards and alerts use. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeMetrics } from "./metrics.ts";

test("calls and sync are told under their names", async () => {
  const metrics = makeMetrics({ version: "1.2.3", processMetrics: false });
  metrics.calls.running(1);
  metrics.calls.finished({ operation: "chat", status: 200, outcome: "complete" }, 0.2, 0.1);
  metrics.calls.attempted({ channelId: 7, result: "ok" });
  metrics.calls.running(-1);
  metrics.sync.applied(42, "delta", 0.001, 0.02);
  metrics.sync.state("live", 0, 0.1);
  metrics.sync.error("head", "timeout");
  metrics.sync.bell("notify", true);
  metrics.sync.diskCopy(41, false);
  metrics.cluster.nodes({ live: 2, stale: 1 }, 1, 0);
  metrics.cluster.converged(0.03);
  metrics.cluster.leader(7, 0);
  metrics.cluster.copyAge(12);
  const { text, contentType } = await metrics.page();
  assert.match(contentType, /text\/plain/);
  for (const line of [
    'switchyard_build_info{version="1.2.3"} 1',
    'switchyard_calls_total{operation="chat",status="200",outcome="complete"} 1',
    'switchyard_attempts_total{channel="7",result="ok"} 1',
    "switchyard_calls_running 0",
    "sync_applied_revision 42",
    'sync_state{state="live"} 1',
    'sync_state{state="degraded"} 0',
    'sync_errors_total{stage="head",class="timeout"} 1',
    'sync_push_up{channel="notify"} 1',
    "sync_lkg_revision 41",
    "sync_lkg_age_seconds 12",
    'sync_nodes{state="live"} 2',
    "sync_laggards 1",
    "sync_digest_mismatch_total 0",
    'sync_convergence_seconds_bucket{le="0.05"} 1',
    "leader_fence 7",
    "leader_absent_seconds 0",
    "sync_loop_stall_seconds 0",
    'sync_propagation_seconds_bucket{le="0.025"} 1',
  ])
    assert.ok(text.split("\n").includes(line), `${line}\n${text}`);
});

test("two registries of one process share nothing", async () => {
  const one = makeMetrics({ version: "1", processMetrics: true });
  const other = makeMetrics({ version: "1", processMetrics: true });
  one.sync.applied(5, "full", 1, null);
  assert.match((await one.page()).text, /^sync_applied_revision 5$/m);
  assert.doesNotMatch((await other.page()).text, /^sync_applied_revision 5$/m);
  assert.match((await other.page()).text, /process_resident_memory_bytes/);
});
