/**
 * The limits of a node. Promises: a call takes from all its limits or from none; who has none costs nothing and waits for
 * nobody; what a call took is given back once, on whichever way it ends.
 */
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { SharedCounters } from "../store/redis-limits.ts";
import type { Limit } from "./limit-state.ts";
import { unitsOf } from "./limit-state.ts";
import type { Admission, HeaderForm, LimitAnswer, LimitedUse, Limits } from "./limits.ts";
import type { Lack, Use } from "./local-share.ts";
import { findLack, shareOf, takeShare } from "./local-share.ts";
import type { Standing } from "./rate-headers.ts";
import { rateHeaders } from "./rate-headers.ts";
import { countsModel, makeRuleBook } from "./rule-book.ts";
import { amountIn, msUntil, putIn, takeBack } from "./window.ts";

export interface LimitParts {
  /** The counters that all nodes share; left out: each node holds its share. */
  readonly shared?: SharedCounters;
  readonly clock: Clock;
  /** Ms UTC by the cluster's own clock, for the instants in headers. */
  readonly businessNowMs: () => number;
  /** Whose slots they are at the shared counters; each life of a node adds a name of its own. */
  readonly nodeId: string;
  /** Nodes of the cluster that are alive, this one among them. */
  readonly liveNodes: () => number;
  readonly logger: Logger;
}

const sweepEveryMs = 60_000;

export function openLimits(parts: LimitParts): Limits {
  const { clock } = parts;
  const book = makeRuleBook();
  let sweeping = false;
  let closed = false;
  const sweep = (): void => {
    sweeping = !closed && book.sweep(clock.monotonic());
    if (sweeping) clock.after(sweepEveryMs, sweep);
  };
  return {
    admit: (subjects, model, expected) => {
      let uses: Use[] | undefined;
      const nowMs = clock.monotonic();
      for (const subject of subjects) {
        if (subject.rules.length === 0) continue;
        for (const limit of book.limitsOf(subject, nowMs)) {
          if (!countsModel(limit.rule, model)) continue;
          limit.usedAtMs = nowMs;
          uses ??= [];
          uses.push(makeUse(limit, expected));
        }
      }
      if (uses === undefined) return unlimited;
      if (!sweeping) {
        sweeping = true;
        clock.after(sweepEveryMs, sweep);
      }
      const terms = { nowMs, nodes: Math.max(1, parts.liveNodes()) };
      const lack = findLack(uses, terms);
      if (lack !== undefined) return refuse(lack, uses, parts);
      for (const use of uses) takeShare(use, terms);
      return { admitted: true, admission: makeAdmission(uses, parts) };
    },
    close: async () => {
      closed = true;
    },
  };
}

const unlimited: LimitAnswer = {
  admitted: true,
  admission: { headers: () => ({}), end: () => undefined },
};

function makeUse(limit: Limit, expected: LimitedUse): Use {
  const need = Math.min(unitsOf(limit.rule, expected), limit.amount);
  return { limit, need, step: 0, bucket: undefined, epoch: "" };
}

function makeAdmission(uses: readonly Use[], parts: LimitParts): Admission {
  let ended = false;
  return {
    headers: (form = "standard") => headersOf(uses, form, parts),
    end: (used) => {
      if (ended) return;
      ended = true;
      for (const use of uses) endUse(use, used, parts);
    },
  };
}

function endUse({ limit, need, step }: Use, used: LimitedUse | null, { clock }: LimitParts): void {
  if (limit.kind === "slots") {
    limit.running -= 1;
    return;
  }
  const taken = used === null ? 0 : unitsOf(limit.rule, used);
  if (taken < need) takeBack(limit.window, step, need - taken);
  if (taken > need) putIn(limit.window, clock.monotonic(), taken - need);
}

function refuse({ limit, waitMs }: Lack, uses: readonly Use[], parts: LimitParts): LimitAnswer {
  const headersAs = (form: HeaderForm): Readonly<Record<string, string>> =>
    headersOf(uses, form, parts);
  return {
    admitted: false,
    reached: {
      subject: limit.subject,
      rule: limit.rule,
      retryAfterS: Math.max(1, Math.ceil(waitMs / 1000)),
      headers: headersAs("standard"),
      headersAs,
    },
  };
}

function headersOf(
  uses: readonly Use[],
  form: HeaderForm,
  parts: LimitParts,
): Readonly<Record<string, string>> {
  const nowMs = parts.clock.monotonic();
  const standings = uses.flatMap(({ limit }): Standing[] => {
    if (limit.kind === "slots") return [];
    const left = Math.max(0, shareOf(limit, parts.liveNodes()) - amountIn(limit.window, nowMs));
    return [{ limit, left, fullInMs: msUntil(limit.window, nowMs, 0) }];
  });
  return rateHeaders(standings, form, parts.businessNowMs);
}
