/** What a node tells of itself in the registry. */
import type { NodeReport } from "../store/sync-store.ts";
import type { Follower } from "./follower.ts";

export type NodeIdentity = Pick<
  NodeReport,
  "nodeId" | "incarnation" | "type" | "version" | "schemaVersion" | "startedAtMs"
>;

const maxErrorLength = 500;
const maxRejected = 20;

export function makeReport(identity: NodeIdentity, follower: Follower): NodeReport {
  const { state, stalenessMs, lagMs, lastError } = follower.status();
  const snapshot = follower.current();
  return {
    ...identity,
    state,
    epoch: snapshot?.epoch ?? "",
    appliedRevision: snapshot?.revision ?? 0,
    commitId: snapshot?.commitId ?? "",
    digest: snapshot?.digest ?? "",
    lagMs,
    stalenessMs,
    lastError: lastError?.slice(0, maxErrorLength) ?? null,
    rejected: JSON.stringify(follower.rejected().slice(0, maxRejected)),
  };
}
