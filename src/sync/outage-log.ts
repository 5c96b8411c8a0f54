/** Logs an outage once when it begins and once when it is over, however many attempts fail between. */
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";

export interface OutageLog {
  failed(error: unknown): void;
  worked(): void;
}

/** `what` completes "cannot …" and "can … again". */
export function makeOutageLog(logger: Logger, what: string): OutageLog {
  let failing = false;
  return {
    failed: (error) => {
      if (!failing) logger.warn({ error: messageOf(error) }, `cannot ${what}`);
      failing = true;
    },
    worked: () => {
      if (failing) logger.info({}, `can ${what} again`);
      failing = false;
    },
  };
}
