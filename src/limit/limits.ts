/**
 * How often, how much at a time, how many at once: as the steps of a call ask it. Promises: a limit is one of the whole
 * cluster; who has none never asks anybody; a slot that a dead node held is free within 30 s.
 */
import type { LimitRule } from "../core/limit-rule.ts";
import type { NanoDollars } from "../core/money.ts";

/** Whose limits they are; `id` is a number, or a model's or group's name. */
export interface LimitSubject {
  readonly kind: "key" | "user" | "group" | "model" | "channel" | "credential";
  readonly id: string;
  readonly rules: readonly LimitRule[];
}

/** What a call takes, before and after it ran. */
export interface LimitedUse {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly dollars: NanoDollars;
}

/** Whose names the headers bear: `x-ratelimit-*`, as most clients know them, or `anthropic-ratelimit-*`. */
export type HeaderForm = "standard" | "anthropic-messages";

/** A call that was let in; or one attempt of it, for limits of channels and credentials. */
export interface Admission {
  /** Headers of the tightest limit (`x-ratelimit-limit-requests`, …); empty where there is none. */
  headers(form?: HeaderForm): Readonly<Record<string, string>>;
  /**
   * It is over: what it took in place of what was expected. Zeros: it counts as a request that took no tokens; null: it
   * took nothing at all (nothing was delivered). Later calls do nothing.
   */
  end(used: LimitedUse | null): void;
}

/** A limit that was reached. */
export interface LimitReached {
  readonly subject: LimitSubject["kind"];
  readonly rule: LimitRule;
  /** Whole seconds until one may try again, at least 1. */
  readonly retryAfterS: number;
  /** As {@link Admission.headers}. */
  headers(form?: HeaderForm): Readonly<Record<string, string>>;
}

export type LimitAnswer =
  | { readonly admitted: true; readonly admission: Admission }
  | { readonly admitted: false; readonly reached: LimitReached };

export interface Limits {
  /**
   * Takes from all limits or from none. Answers at once, but for the shared counter (≤ 50 ms): under rules that are
   * `exact`, under concurrency, and where this node holds nothing of the limit yet.
   */
  admit(
    subjects: readonly LimitSubject[],
    model: string,
    expected: LimitedUse,
  ): LimitAnswer | Promise<LimitAnswer>;
  close(): Promise<void>;
}
