/**
 * Tokens that were exchanged for credentials, kept until shortly before they expire.
 * Promise kept here: one exchange at a time for a credential, however many calls wait for it.
 */
import type { Clock } from "../../core/clock.ts";

export interface IssuedToken {
  readonly token: string;
  readonly lifetimeS: number;
}

interface Held {
  readonly token: string;
  readonly issuedAtMs: number;
  readonly refreshAtMs: number;
  readonly expiresAtMs: number;
}

/** Exchanged anew this long before the end; a token that lives shorter than twice that, at half its life. */
const refreshBeforeMs = 300_000;
/** A token younger than this that is refused would be refused again: it is not dropped, lest refusals make exchanges. */
const youngMs = 10_000;
const maxHeld = 1000;

export class TokenCache {
  readonly #clock: Clock;
  readonly #held = new Map<string, Held>();
  readonly #running = new Map<string, Promise<string>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The kept token, at once; else the one that is fetched. */
  get(key: string, fetchToken: () => Promise<IssuedToken>): string | Promise<string> {
    const held = this.#held.get(key);
    if (held !== undefined && this.#clock.monotonic() < held.refreshAtMs) return held.token;
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const fetching = this.#issue(key, held, fetchToken).finally(() => this.#running.delete(key));
    this.#running.set(key, fetching);
    return fetching;
  }

  /** True: a token was dropped that was not just issued. */
  drop(key: string): boolean {
    const held = this.#held.get(key);
    if (held === undefined || this.#clock.monotonic() - held.issuedAtMs < youngMs) return false;
    return this.#held.delete(key);
  }

  async #issue(
    key: string,
    held: Held | undefined,
    fetchToken: () => Promise<IssuedToken>,
  ): Promise<string> {
    const askedAtMs = this.#clock.monotonic();
    try {
      const { token, lifetimeS } = await fetchToken();
      this.#hold(key, { token, lifetimeMs: lifetimeS * 1000, askedAtMs });
      return token;
    } catch (error) {
      // What we hold is still good for a while: the next call tries the exchange again.
      if (held !== undefined && this.#clock.monotonic() < held.expiresAtMs && this.#held.has(key))
        return held.token;
      throw error;
    }
  }

  #hold(
    key: string,
    issued: { readonly token: string; readonly lifetimeMs: number; readonly askedAtMs: number },
  ): void {
    const { token, lifetimeMs, askedAtMs } = issued;
    const before = Math.min(refreshBeforeMs, lifetimeMs / 2);
    this.#held.delete(key);
    const [oldest] = this.#held.keys();
    if (this.#held.size >= maxHeld && oldest !== undefined) this.#held.delete(oldest);
    this.#held.set(key, {
      token,
      issuedAtMs: askedAtMs,
      refreshAtMs: askedAtMs + lifetimeMs - before,
      expiresAtMs: askedAtMs + lifetimeMs,
    });
  }
}
