/**
 * The limits of a node. Promises: a call takes from all its limits or from none; who has none costs nothing and waits for
 * nobody; what a call took is given back once, on whichever way it ends.
 */
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { SharedCounters } from "../store/redis-limits.ts";
import type { CountedLimit, Limit } from "./limit-state.ts";
import { unitsOf } from "./limit-state.ts";
import type {
  Admission,
  HeaderForm,
  LimitAnswer,
  LimitSubject,
  LimitedUse,
  Limits,
} from "./limits.ts";
import { admitShared, endShared } from "./admit-shared.ts";
import { admitAlone } from "./go-alone.ts";
import type { Lack, ShareTerms, Use } from "./local-share.ts";
import { SharedLink } from "./shared-link.ts";
import { heldIn } from "./slices.ts";
import { findLack, shareOf, takeShare } from "./local-share.ts";
import type { Standings } from "./rate-headers.ts";
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
  /** How long the shared counters may be silent until a call gives up on them; 50. */
  readonly silenceMs?: number;
  readonly logger: Logger;
}

const sweepEveryMs = 60_000;

/** What the functions below work with. */
interface Node {
  readonly parts: LimitParts;
  readonly link: SharedLink | undefined;
  readonly terms: () => ShareTerms;
}

export function openLimits(parts: LimitParts): Limits {
  const { clock, shared } = parts;
  const book = makeRuleBook();
  const link = shared && new SharedLink({ ...parts, counters: shared, limits: () => book.all() });
  const terms = (): ShareTerms => ({
    nowMs: clock.monotonic(),
    nodes: Math.max(1, parts.liveNodes()),
  });
  const node = { parts, link, terms };
  let sweeping = false;
  let closed = false;
  const sweep = (): void => {
    sweeping = !closed && book.sweep(clock.monotonic());
    if (sweeping) clock.after(sweepEveryMs, sweep);
  };
  const findUses = (subjects: readonly LimitSubject[], model: string, expected: LimitedUse) => {
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
    return uses;
  };
  return {
    admit: (subjects, model, expected) => {
      const uses = findUses(subjects, model, expected);
      if (uses === undefined) return unlimited;
      if (!sweeping) {
        sweeping = true;
        clock.after(sweepEveryMs, sweep);
      }
      link?.keepUp();
      const lack = take(node, uses);
      return lack instanceof Promise
        ? lack.then((found) => answer(node, uses, found))
        : answer(node, uses, lack);
    },
    close: async () => {
      closed = true;
      await link?.close();
    },
  };
}

function take({ link, terms }: Node, uses: readonly Use[]): MaybeLater<Lack | undefined> {
  if (link?.usable === true) return admitShared(link, uses, terms);
  const now = terms();
  if (link !== undefined) return admitAlone(link, uses, now);
  const lack = findLack(uses, now);
  if (lack === undefined) for (const use of uses) takeShare(use, now);
  return lack;
}

type MaybeLater<T> = T | Promise<T>;

function answer(node: Node, uses: readonly Use[], lack: Lack | undefined): LimitAnswer {
  return lack === undefined
    ? { admitted: true, admission: makeAdmission(node, uses) }
    : refuse(node, lack, uses);
}

const unlimited: LimitAnswer = {
  admitted: true,
  admission: { headers: () => ({}), end: () => undefined },
};

function makeUse(limit: Limit, expected: LimitedUse): Use {
  const need = Math.min(unitsOf(limit.rule, expected), limit.amount);
  return { limit, need, step: 0, bucket: undefined, epoch: "" };
}

function makeAdmission(node: Node, uses: readonly Use[]): Admission {
  let ended = false;
  return {
    headers: (form = "standard") => headersOf(node, uses, form),
    end: (used) => {
      if (ended) return;
      ended = true;
      for (const use of uses) endUse(node, use, used);
    },
  };
}

function endUse({ link, terms }: Node, use: Use, used: LimitedUse | null): void {
  const { limit, need, step } = use;
  const units = used === null ? 0 : unitsOf(limit.rule, used);
  if (limit.kind === "slots") limit.running -= 1;
  else if (units < need) takeBack(limit.window, step, need - units);
  else if (units > need) putIn(limit.window, terms().nowMs, units - need);
  if (link !== undefined) endShared(link, use, units);
}

function refuse(node: Node, { limit, waitMs }: Lack, uses: readonly Use[]): LimitAnswer {
  return {
    admitted: false,
    reached: {
      subject: limit.subject,
      rule: limit.rule,
      retryAfterS: Math.max(1, Math.ceil(waitMs / 1000)),
      headers: (form = "standard") => headersOf(node, uses, form),
    },
  };
}

function headersOf(
  { parts, link, terms }: Node,
  uses: readonly Use[],
  form: HeaderForm,
): Readonly<Record<string, string>> {
  const { nowMs, nodes } = terms();
  const counted: CountedLimit[] = [];
  for (const { limit } of uses) if (limit.kind === "counted") counted.push(limit);
  const standings: Standings =
    link?.usable === true
      ? {
          left: (limit) => Math.max(0, (limit.seenLeft ?? limit.amount) + heldIn(limit)),
          fullInMs: ({ fullAtMs }) => Math.max(0, fullAtMs - nowMs),
        }
      : {
          left: (limit) => Math.max(0, shareOf(limit, nodes) - amountIn(limit.window, nowMs)),
          fullInMs: ({ window }) => msUntil(window, nowMs, 0),
        };
  return rateHeaders(counted, standings, form, parts.businessNowMs);
}
