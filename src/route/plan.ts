/**
 * Which channel is asked next: tiers by priority, weighted chance within a tier, the fallback group after the first.
 * Promise kept here: a resting channel is passed over, but never is a call refused only because all of them rest.
 */
import { GatewayError } from "../core/errors.ts";
import type { Channel, Credential, Group, Snapshot } from "../sync/entities.ts";
import type { Caller } from "../wire/caller.ts";
import type { RouteHealth } from "./health.ts";
import { type ModelWish, parseModelWish } from "./model-wish.ts";
import { type ChannelWish, parseSuffix } from "./suffix.ts";

/** One attempt to make. */
export interface Candidate {
  readonly channel: Channel;
  /** Null: the channel needs none. */
  readonly credential: Credential | null;
  /** The group that answers and prices; undefined: a chosen channel outside all the caller's groups. */
  readonly group: Group | undefined;
  readonly groupSymbol: string;
  /** Name to send. */
  readonly model: string;
  /** Name whose price is charged. */
  readonly billedModel: string;
  /** What the mapping's target asks beside the model (`gpt-5#high`); null: nothing. */
  readonly wish: ModelWish | null;
}

export interface PlanParts {
  readonly snapshot: Snapshot;
  readonly caller: Caller;
  /** Name the caller asked for. */
  readonly model: string;
  readonly health: RouteHealth;
  /** In [0, 1). */
  readonly random: () => number;
  /** Whether a channel can serve the operation at all. */
  readonly serves: (channel: Channel) => boolean;
}

/** What a candidate was not asked for after all: the rest of it stays in play. */
export type PassedOver = "channel" | "credential" | "group";

export interface RoutePlan {
  /** The next candidate; undefined: none is left. */
  next(nowMs: number): Candidate | undefined;
  /** The channel is not asked again in this call (a failed credential alone leaves the others in play). */
  exclude(channel: Channel): void;
  /**
   * The candidate was not asked after all. Its channel cannot do what the call wants; or only its credential is at a
   * limit; or its group cannot pay, and the same channel may still answer for another group.
   */
  passOver(candidate: Candidate, what?: PassedOver): void;
}

interface Choice {
  readonly groupSymbol: string;
  readonly tiers: readonly (readonly Channel[])[];
}

/** How a channel names the model that was asked for. */
export interface MappedModel {
  readonly model: string;
  readonly billedModel: string;
  readonly wish: ModelWish | null;
}

/** A target may begin with `+` (the asked name is charged whatever the channel says) and end with a wish. */
export function mapModel(channel: Channel, asked: string): MappedModel {
  const target = Object.hasOwn(channel.modelMapping, asked)
    ? channel.modelMapping[asked]
    : undefined;
  if (target === undefined) return { model: asked, billedModel: asked, wish: null };
  const kept = target.startsWith("+");
  const { model, wish } = parseModelWish(kept ? target.slice(1) : target);
  const charged = kept || channel.options.billAs === "asked" ? asked : model;
  return { model, billedModel: charged, wish };
}

export function mappedModel(channel: Channel, asked: string): string {
  return mapModel(channel, asked).model;
}

/** Throws `no_available_channel`, `channel_not_available` or `forbidden` when there is nothing to ask. */
export function planRoute(parts: PlanParts): RoutePlan {
  const wish = parseSuffix(parts.caller);
  const choices = wish.only === null ? choicesOf(parts, wish) : [onlyChoice(parts, wish.only)];
  if (choices.every((choice) => choice.tiers.length === 0))
    throw noChannel(parts.model, parts.caller.group);
  return new Plan(parts, choices);
}

export function noChannel(model: string, group: string): GatewayError {
  const message = `No available channel for model ${model} in group ${group}`;
  return new GatewayError("no_available_channel", message, { values: { model, group } });
}

function choicesOf(parts: PlanParts, wish: ChannelWish): Choice[] {
  const { caller, snapshot, model } = parts;
  const symbols = [caller.group];
  if (caller.fallbackGroup !== null && caller.fallbackGroup !== caller.group)
    symbols.push(caller.fallbackGroup);
  return symbols.map((groupSymbol) => ({
    groupSymbol,
    tiers: snapshot.routes
      .candidates(groupSymbol, model)
      .map((tier) => tier.filter((channel) => channel.id !== wish.except && parts.serves(channel)))
      .filter((tier) => tier.length > 0),
  }));
}

function onlyChoice(parts: PlanParts, id: number): Choice {
  const channel = parts.snapshot.channels.get(id);
  if (channel === undefined || !channel.enabled || !parts.serves(channel)) {
    const message = `Channel ${id} does not exist, is disabled, or does not serve this operation`;
    throw new GatewayError("channel_not_available", message, { values: { channel: String(id) } });
  }
  return { groupSymbol: parts.caller.group, tiers: [[channel]] };
}

class Plan implements RoutePlan {
  readonly #parts: PlanParts;
  #choices: readonly Choice[];
  readonly #excluded = new Set<number>();
  readonly #tried = new Map<number, Set<number>>();
  #asked = false;
  #askedBefore = false;

  constructor(parts: PlanParts, choices: readonly Choice[]) {
    this.#parts = parts;
    this.#choices = choices;
  }

  next(nowMs: number): Candidate | undefined {
    for (const choice of this.#choices)
      for (const tier of choice.tiers) {
        const candidate = this.#draw(choice, tier, nowMs);
        if (candidate !== undefined) return this.#take(candidate);
      }
    const last = this.#asked ? undefined : this.#lastResort();
    return last === undefined ? undefined : this.#take(last);
  }

  exclude(channel: Channel): void {
    this.#excluded.add(channel.id);
  }

  passOver({ channel, credential, groupSymbol }: Candidate, what: PassedOver = "channel"): void {
    this.#asked = this.#askedBefore;
    if (what === "credential" && credential !== null) return;
    if (what !== "group") return this.exclude(channel);
    this.#choices = this.#choices.filter((choice) => choice.groupSymbol !== groupSymbol);
    if (credential === null) this.#excluded.delete(channel.id);
    else this.#tried.get(channel.id)?.delete(credential.id);
  }

  /** Draws from a tier by weight until a channel has a credential to use. */
  #draw(choice: Choice, tier: readonly Channel[], nowMs: number): Candidate | undefined {
    const left = tier.filter((channel) => !this.#excluded.has(channel.id));
    while (left.length > 0) {
      const index = left.length === 1 ? 0 : this.#drawIndex(left);
      const [channel] = left.splice(index, 1);
      if (channel === undefined) return undefined;
      const model = mappedModel(channel, this.#parts.model);
      const tried = this.#tried.get(channel.id);
      const credential = this.#parts.health.pickCredential(channel, model, nowMs, tried);
      if (credential !== undefined) return this.#candidate(choice, channel, credential);
    }
    return undefined;
  }

  #drawIndex(channels: readonly Channel[]): number {
    const total = channels.reduce((sum, channel) => sum + Math.max(1, channel.weight), 0);
    let mark = this.#parts.random() * total;
    for (const [index, channel] of channels.entries()) {
      mark -= Math.max(1, channel.weight);
      if (mark < 0) return index;
    }
    return channels.length - 1;
  }

  /** All rest: the one whose rest ends first is asked once rather than nobody. */
  #lastResort(): Candidate | undefined {
    const { health, model } = this.#parts;
    const ends = this.#choices.flatMap((choice) =>
      choice.tiers
        .flat()
        .filter((channel) => this.#hasUntried(channel))
        .map((channel) => ({
          choice,
          channel,
          endMs: health.restsUntilMs(channel, mappedModel(channel, model)),
        })),
    );
    const [first] = ends.sort((left, right) => left.endMs - right.endMs);
    if (first === undefined) return undefined;
    const tried = this.#tried.get(first.channel.id);
    const credential = health.leastRested(first.channel, mappedModel(first.channel, model), tried);
    return this.#candidate(first.choice, first.channel, credential);
  }

  #hasUntried({ id, credentials }: Channel): boolean {
    if (this.#excluded.has(id)) return false;
    const tried = this.#tried.get(id);
    return (
      tried === undefined ||
      credentials.length === 0 ||
      credentials.some((one) => !tried.has(one.id))
    );
  }

  #candidate(choice: Choice, channel: Channel, credential: Credential | null): Candidate {
    const { groupSymbol } = choice;
    const group = this.#parts.snapshot.groups.get(groupSymbol);
    return { channel, credential, group, groupSymbol, ...mapModel(channel, this.#parts.model) };
  }

  #take(candidate: Candidate): Candidate {
    this.#askedBefore = this.#asked;
    this.#asked = true;
    const { channel, credential } = candidate;
    if (credential === null) {
      this.exclude(channel);
      return candidate;
    }
    const tried = this.#tried.get(channel.id);
    if (tried === undefined) this.#tried.set(channel.id, new Set([credential.id]));
    else tried.add(credential.id);
    return candidate;
  }
}
