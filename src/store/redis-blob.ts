/** The cluster-wide copy of the sealed snapshot in Redis: what a new node starts from while the database is down. */
import type { Redis } from "./redis.ts";

// Long enough for any outage, short enough that an abandoned cluster leaves nothing behind.
const keptMs = 30 * 24 * 3_600_000;

function keyOf(clusterId: string): string {
  return `switchyard:${clusterId}:snapshot`;
}

/** Rejects when Redis is down: a copy is a convenience, its caller tries again with the next revision. */
export async function putSnapshotBlob(
  redis: Redis,
  clusterId: string,
  bytes: Buffer,
): Promise<void> {
  await redis.set(keyOf(clusterId), bytes, keptMs);
}

/** undefined when there is none; rejects when Redis is down. */
export async function getSnapshotBlob(
  redis: Redis,
  clusterId: string,
): Promise<Buffer | undefined> {
  return await redis.get(keyOf(clusterId));
}
