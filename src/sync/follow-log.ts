/**
 * What the follower says of itself, in logs and meters. Promise: each change of state is told once, and the lines that
 * operators' runbooks search for are written word for word and only when they are true.
 */
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { SyncMeters } from "../metrics/meters.ts";
import type { Edition } from "./edition.ts";
import type { FullReason } from "./read-rows.ts";

interface Applied {
  readonly edition: Edition;
  readonly mode: "delta" | "full";
  readonly seconds: number;
  /** Seconds from commit to swap; null where the node was not following yet. */
  readonly propagation: number | null;
  /** No bell brought this although one was up. */
  readonly missed: boolean;
}

export class FollowLog {
  readonly #logger: Logger;
  readonly #meters: SyncMeters;
  #reading = false;

  constructor(logger: Logger, meters: SyncMeters) {
    this.#logger = logger;
    this.#meters = meters;
  }

  /** Every row is about to be read; failed tries are not told again. */
  readingAll(): void {
    if (!this.#reading) this.#logger.info({}, "syncing channels from database");
    this.#reading = true;
  }

  readAll(reason: FullReason, edition: Edition, previous: Edition | undefined): void {
    const { revision, channels } = edition.snapshot;
    const from = previous?.snapshot.revision ?? null;
    const detail = { reason, revision, from, channels: channels.size };
    this.#meters.fullResync(reason);
    if (reason === "regression") this.#meters.regression();
    if (reason === "regression" || reason === "fork")
      this.#logger.error(
        detail,
        "the database lost revisions that this node had; everything was read anew",
      );
    else if (reason !== "boot" && reason !== "reconcile")
      this.#logger.warn(detail, "the change log could not be followed; everything was read anew");
    if (this.#reading) this.#logger.info(detail, "channels Load success");
    this.#reading = false;
  }

  applied(applied: Applied): void {
    const { revision, rejected } = applied.edition.snapshot;
    this.#meters.applied(revision, applied.mode, applied.seconds, applied.propagation);
    this.#meters.rejectedRows(rejected.length);
    if (applied.missed && (applied.propagation ?? 0) > 1) this.#meters.pushMissed();
    this.#logger.debug({ revision, mode: applied.mode }, "configuration applied");
  }

  failed(error: unknown, inARow: number, revision: number | null): void {
    this.#meters.error("follow", error instanceof Error ? error.name : "unknown");
    if (inARow > 1) return;
    this.#logger.warn(
      { error: messageOf(error), revision },
      "cannot follow the database; what was read last goes on serving",
    );
  }

  recovered(failures: number): void {
    this.#logger.info({ failures }, "following the database again");
  }

  unsupported(minReader: number, reader: number): void {
    this.#logger.error(
      { minReader, reader },
      "the database demands a newer version of this program; what was read before goes on serving",
    );
  }

  /** A listener's fault is not the follower's. */
  guard(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#logger.error({ error: messageOf(error) }, "a listener to sync failed");
    }
  }
}
