/** Opens connections with the kinds of encryption that a target allows, one after another. */
import type { Clock } from "../../core/clock.ts";
import type { TlsPlan } from "../database-target.ts";
import { tlsAttempts } from "./tls-options.ts";

interface Opening {
  /** Ends an attempt to connect that took too long. */
  giveUp(): void;
  destroy(): void;
}

/** How one kind of database is connected to. */
export interface OpeningSteps<Session extends Opening> {
  make(encrypted: boolean): Session;
  /** Connects and makes the settings. */
  open(session: Session): Promise<void>;
  /** Whether a failure means that the server does not take this kind of encryption. */
  isRefusal(error: unknown): boolean;
}

/** The first session that opens. The next kind of encryption is tried only where the server refused the one before. */
export async function openEncrypted<Session extends Opening>(
  target: { readonly tls: TlsPlan; readonly connectTimeoutMs: number },
  clock: Clock,
  steps: OpeningSteps<Session>,
): Promise<Session> {
  const attempts = tlsAttempts(target.tls);
  for (const [index, attempt] of attempts.entries()) {
    const session = steps.make(attempt.encrypted);
    const cancel = clock.after(target.connectTimeoutMs, () => session.giveUp());
    try {
      await steps.open(session);
      return session;
    } catch (error) {
      session.destroy();
      if (index === attempts.length - 1 || !steps.isRefusal(error)) throw error;
    } finally {
      cancel();
    }
  }
  throw new Error("unreachable: the last attempt returns or throws");
}
