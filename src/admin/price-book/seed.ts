/**
 * The built-in prices of a new gateway. Promise kept here: they never keep the first account from being made: what fails
 * is tried again for some minutes, and is told with the command that does it by hand.
 */
import { sleep, systemClock } from "../../core/clock.ts";
import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { Author } from "../../sync/sync.ts";
import type { BookParts } from "./apply.ts";
import { applyPlan } from "./apply.ts";
import { openList } from "./read-list.ts";
import { diffSchema } from "./schema.ts";

export interface SeedParts extends BookParts {
  readonly logger: Logger;
  /** The system's when left out. */
  readonly clock?: Clock;
}

/** Waits before further tries. */
const retriesMs = [1000, 5000, 20_000, 60_000, 180_000] as const;

/** Puts the built-in prices in; resolves with their number, or with null where that is still being tried. Never rejects. */
export async function seedPrices(parts: SeedParts, author: Author): Promise<number | null> {
  try {
    return await seedOnce(parts, author);
  } catch (error) {
    void seedLater(parts, author, error);
    return null;
  }
}

async function seedOnce(parts: SeedParts, author: Author): Promise<number> {
  const source = "builtin";
  const list = await openList(diffSchema.parse({ source }));
  const { plan } = await applyPlan(parts, author, { source, list, digest: undefined });
  const count = plan.models.reduce((sum, model) => sum + model.added.length, 0);
  parts.logger.info({ count }, "the built-in prices were put in");
  return count;
}

async function seedLater(parts: SeedParts, author: Author, first: unknown): Promise<void> {
  const { logger, clock = systemClock } = parts;
  let error = first;
  for (const delayMs of retriesMs) {
    logger.warn({ reason: messageOf(error) }, "the built-in prices cannot be put in yet");
    await sleep(clock, delayMs);
    try {
      await seedOnce(parts, author);
      return;
    } catch (next) {
      error = next;
    }
  }
  logger.error(
    { reason: messageOf(error) },
    "the built-in prices were not put in; do it with: switchyard prices import builtin --yes",
  );
}
