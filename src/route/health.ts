/**
 * What this node has learned about channels: who rests, whose turn it is. Kept by channel id outside the snapshot, so
 * that it survives configuration changes; forgotten only where a channel's address or credentials changed.
 * Promise kept here: a rest is bounded, whatever an upstream asks for.
 */
import type { Channel, Credential } from "../sync/entities.ts";

/** What went wrong, as far as rests are concerned. */
export type FailureClass =
  /** The vendor refused this credential. */
  | "credential"
  /** 429: this credential has called this model too often. */
  | "rate"
  /** The channel failed for this model (5xx, timeout, unreachable). */
  | "channel";

export interface Failure {
  readonly channel: Channel;
  readonly credential: Credential | null;
  /** Name that was sent. */
  readonly model: string;
  readonly class: FailureClass;
  /** Seconds the upstream asked for; undefined: the setting counts. */
  readonly retryAfterS: number | undefined;
  readonly cooldownSeconds: number;
}

/** Consecutive failures after which a channel rests for a model. */
const failuresBeforeRest = 3;
/** Longest rest an upstream can ask for. */
const maxRestMs = 600_000;
const everyModel = "*";
/** Models that are remembered a channel. */
const maxModels = 1000;

interface ChannelState {
  /** The channel as last seen: tells whether address or credentials changed. */
  channel: Channel;
  /** When a rest ends, by `credential id, model`. */
  readonly rests: Map<string, number>;
  /** Consecutive failures by model. */
  readonly failures: Map<string, number>;
  /** Place of the next credential. */
  turn: number;
}

function sameUpstream(before: Channel, after: Channel): boolean {
  if (before === after) return true;
  const secrets = (channel: Channel): string =>
    JSON.stringify(channel.credentials.map((one) => one.secret));
  return (
    before.baseUrl === after.baseUrl &&
    before.provider === after.provider &&
    before.proxy === after.proxy &&
    secrets(before) === secrets(after)
  );
}

function restKey(credential: Credential | null, model: string): string {
  return `${credential?.id ?? ""} ${model}`;
}

function credentialEndMs(state: ChannelState, one: Credential, model: string): number {
  const end = (name: string): number => state.rests.get(restKey(one, name)) ?? 0;
  return Math.max(end(model), end(everyModel));
}

/** Callers of a `prefix*` choose the names: what is kept of them must not grow without end. */
function boundState(state: ChannelState, nowMs: number): void {
  if (state.failures.size >= maxModels) state.failures.clear();
  if (state.rests.size < maxModels) return;
  for (const [key, endMs] of state.rests) if (endMs <= nowMs) state.rests.delete(key);
  if (state.rests.size >= maxModels) state.rests.clear();
}

/** Times in ms of any one clock that never goes back. */
export class RouteHealth {
  readonly #states = new Map<number, ChannelState>();
  #kept: ReadonlyMap<number, Channel> | undefined;

  /** The credential whose turn it is, none of the `tried` or resting ones; undefined: there is none to use now. */
  pickCredential(
    channel: Channel,
    model: string,
    nowMs: number,
    tried?: ReadonlySet<number>,
  ): Credential | null | undefined {
    const state = this.#state(channel);
    if (this.#rests(state, restKey(null, model), nowMs)) return undefined;
    const { credentials } = channel;
    if (credentials.length === 0) return null;
    for (let step = 0; step < credentials.length; step += 1) {
      const credential = credentials[(state.turn + step) % credentials.length];
      if (credential === undefined || tried?.has(credential.id) === true) continue;
      if (this.#credentialRests(state, credential, model, nowMs)) continue;
      state.turn = (state.turn + step + 1) % credentials.length;
      return credential;
    }
    return undefined;
  }

  /** When the channel can be asked again for a model: in the past where it does not rest. */
  restsUntilMs(channel: Channel, model: string): number {
    const state = this.#state(channel);
    const own = state.rests.get(restKey(null, model)) ?? 0;
    if (channel.credentials.length === 0) return own;
    const ends = channel.credentials.map((one) => credentialEndMs(state, one, model));
    return Math.max(own, Math.min(...ends));
  }

  /** The credential whose rest ends first: for the last resort when everything rests. */
  leastRested(channel: Channel, model: string, tried?: ReadonlySet<number>): Credential | null {
    const state = this.#state(channel);
    const end = (one: Credential): number => credentialEndMs(state, one, model);
    const left = channel.credentials.filter(({ id }) => tried?.has(id) !== true);
    return left.toSorted((one, other) => end(one) - end(other))[0] ?? null;
  }

  /**
   * The channel works for a model. Rests that a vendor asked for stay: this call may have begun before them.
   */
  succeeded(channel: Channel, model: string): void {
    const state = this.#states.get(channel.id);
    if (state === undefined) return;
    state.failures.delete(model);
    state.rests.delete(restKey(null, model));
  }

  failed(failure: Failure, nowMs: number): void {
    const state = this.#state(failure.channel);
    boundState(state, nowMs);
    const restMs = Math.min((failure.retryAfterS ?? failure.cooldownSeconds) * 1000, maxRestMs);
    if (failure.class === "channel") {
      const failures = (state.failures.get(failure.model) ?? 0) + 1;
      state.failures.set(failure.model, failures);
      if (failures < failuresBeforeRest && failure.retryAfterS === undefined) return;
    }
    if (restMs <= 0) return;
    const credential = failure.class === "channel" ? null : failure.credential;
    const all = failure.class === "credential" && credential !== null;
    state.rests.set(restKey(credential, all ? everyModel : failure.model), nowMs + restMs);
  }

  /** Forgets channels that are gone. Cheap to call for every call: it only looks when the map is another one. */
  keepOnly(channels: ReadonlyMap<number, Channel>): void {
    if (this.#kept === channels) return;
    this.#kept = channels;
    for (const id of this.#states.keys()) if (!channels.has(id)) this.#states.delete(id);
  }

  #state(channel: Channel): ChannelState {
    const known = this.#states.get(channel.id);
    if (known !== undefined && sameUpstream(known.channel, channel)) {
      known.channel = channel;
      return known;
    }
    const state = { channel, rests: new Map(), failures: new Map(), turn: 0 };
    this.#states.set(channel.id, state);
    return state;
  }

  #credentialRests(state: ChannelState, one: Credential, model: string, nowMs: number): boolean {
    if (state.rests.size === 0) return false;
    return (
      this.#rests(state, restKey(one, model), nowMs) ||
      this.#rests(state, restKey(one, everyModel), nowMs)
    );
  }

  #rests(state: ChannelState, key: string, nowMs: number): boolean {
    const end = state.rests.size === 0 ? undefined : state.rests.get(key);
    if (end === undefined) return false;
    if (end > nowMs) return true;
    state.rests.delete(key);
    return false;
  }
}
