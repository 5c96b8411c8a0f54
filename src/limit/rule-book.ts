/** Finds a call's limits by whose they are. Promise: a rule that was changed goes on with what was counted under it. */
import { createHash } from "node:crypto";
import type { LimitRule } from "../core/limit-rule.ts";
import type { Limit } from "./limit-state.ts";
import { changeRule, isIdle, makeLimit } from "./limit-state.ts";
import type { LimitSubject } from "./limits.ts";

interface Page {
  /** The list that the limits were made of: another object means that it changed. */
  rules: readonly LimitRule[];
  limits: readonly Limit[];
}

export interface RuleBook {
  /** In the order of the subject's rules. */
  limitsOf(subject: LimitSubject, nowMs: number): readonly Limit[];
  /** Every limit that was lately asked for. */
  all(): IteratorObject<Limit>;
  /** Forgets what nobody would miss; answers whether anything is left. */
  sweep(nowMs: number): boolean;
}

export function makeRuleBook(): RuleBook {
  const pages = new Map<string, Page>();
  // Calls that run when a rule is taken away still have to give back.
  const orphans = new Set<Limit>();
  const open = (subject: LimitSubject, nowMs: number): readonly Limit[] => {
    const name = `${subject.kind}:${subject.id}`;
    const page = pages.get(name);
    if (page?.rules === subject.rules) return page.limits;
    const known = new Map([...(page?.limits ?? []), ...orphans].map((limit) => [limit.key, limit]));
    const limits = keysOf(name, subject.rules).map(([key, rule]) => {
      const kept = known.get(key);
      if (kept === undefined) return makeLimit({ key, subject: subject.kind }, rule, nowMs);
      changeRule(kept, rule);
      orphans.delete(kept);
      return kept;
    });
    for (const limit of page?.limits ?? []) if (!limits.includes(limit)) orphans.add(limit);
    pages.set(name, { rules: subject.rules, limits });
    return limits;
  };
  return {
    limitsOf: open,
    *all() {
      for (const page of pages.values()) yield* page.limits;
      yield* orphans;
    },
    sweep: (nowMs) => {
      for (const [name, page] of pages)
        if (page.limits.every((limit) => isIdle(limit, nowMs))) pages.delete(name);
      for (const limit of orphans) if (isIdle(limit, nowMs)) orphans.delete(limit);
      return pages.size + orphans.size > 0;
    },
  };
}

/** A counter is named by what it counts, not by how much: the amount may change while it runs. */
function keysOf(
  name: string,
  rules: readonly LimitRule[],
): readonly (readonly [string, LimitRule])[] {
  const seen = new Map<string, number>();
  return rules.map((rule) => {
    const models = rule.models === null ? "" : `:${digest([...rule.models].sort())}`;
    const base = `${name}:${rule.of}:${rule.per}${models}`;
    const twin = seen.get(base) ?? 0;
    seen.set(base, twin + 1);
    return [twin === 0 ? base : `${base}#${twin}`, rule];
  });
}

function digest(models: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(models)).digest("hex").slice(0, 16);
}

/** Whether a rule counts calls of a model. */
export function countsModel({ models }: LimitRule, model: string): boolean {
  if (models === null) return true;
  return models.some((entry) =>
    entry.endsWith("*") ? model.startsWith(entry.slice(0, -1)) : entry === model,
  );
}
