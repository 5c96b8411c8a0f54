/**
 * Redis as an optional accelerator. Promise: absent, down or silent it delays nobody: commands fail at once or within
 * their bound, and the connection is made again for ever.
 */
import { createHash } from "node:crypto";
import { createClient, RESP_TYPES } from "redis";
import type { Cancel, Clock } from "../core/clock.ts";
import { systemClock } from "../core/clock.ts";

export interface RedisOptions {
  /** `redis://` or `rediss://`. Secret. */
  readonly url: string;
  readonly clock?: Clock;
  /** PEM of a root to trust beside the built-in ones. */
  readonly ca?: string;
  /** 0 ≤ x < 1, for the jitter. */
  readonly random?: () => number;
}

export interface Subscriber {
  /** Drops the connection and makes it anew. */
  reset(): void;
  close(): void;
}

export interface Redis {
  /** Whether commands can be sent now. */
  readonly up: boolean;
  /** Waits for the first connection, at most `timeoutMs`; answers whether there is one. */
  whenUp(timeoutMs: number): Promise<boolean>;
  publish(channel: string, message: string): Promise<void>;
  get(key: string): Promise<Buffer | undefined>;
  /** Keeps the value for `ttlMs`. */
  set(key: string, value: Buffer, ttlMs: number): Promise<void>;
  /** Runs a Lua script. Integers come back as numbers, texts as strings. */
  evaluate(script: string, keys: readonly string[], values: readonly string[]): Promise<unknown>;
  /** A connection of its own that listens to channels; `subscribed` is told at each time it begins anew. */
  subscribe(
    channels: readonly string[],
    handlers: { heard(channel: string, message: string): void; subscribed(): void; lost(): void },
  ): Subscriber;
  close(): Promise<void>;
}

const commandTimeoutMs = 1000;
const blobTimeoutMs = 10_000;

/** Never waits: the connection is made in the background. */
export function openRedis(options: RedisOptions): Redis {
  const clock = options.clock ?? systemClock;
  const links: Link[] = [];
  const evaluate = makeEvaluate();
  const openLink = (ready: (client: Client) => Promise<void>, lost: () => void): Link => {
    const link = new Link(options, { clock, ready, lost });
    links.push(link);
    return link;
  };
  const commands = openLink(
    async () => undefined,
    () => undefined,
  );
  const run = <T>(work: (client: Client) => Promise<T>, limitMs = commandTimeoutMs): Promise<T> =>
    commands.run(work, limitMs);
  return {
    get up() {
      return commands.client !== undefined;
    },
    whenUp: (timeoutMs) => commands.whenUp(timeoutMs),
    publish: async (channel, message) => {
      await run((client) => client.publish(channel, message));
    },
    get: async (key) => (await run((client) => getBytes(client, key), blobTimeoutMs)) ?? undefined,
    set: async (key, value, ttlMs) => {
      const expiration = { type: "PX" as const, value: Math.ceil(ttlMs) };
      await run((client) => client.set(key, value, { expiration }), blobTimeoutMs);
    },
    evaluate: (script, keys, values) =>
      run((client) => evaluate(client, script, { keys: [...keys], arguments: [...values] })),
    subscribe: (channels, handlers) => {
      const link = openLink(async (client) => {
        const heard = (message: string, channel: string): void => handlers.heard(channel, message);
        await client.subscribe([...channels], heard);
        handlers.subscribed();
      }, handlers.lost);
      return { reset: () => link.reset(), close: () => link.close() };
    },
    close: async () => {
      for (const link of links) link.close();
    },
  };
}

type Client = ReturnType<typeof makeClient>;

function makeClient(options: RedisOptions) {
  return createClient({
    url: options.url,
    disableOfflineQueue: true,
    socket: {
      connectTimeout: 2000,
      // Reconnecting is the link's: it also replaces connections that are open but silent.
      reconnectStrategy: false,
      ...(options.ca !== undefined && { tls: true as const, ca: options.ca }),
    },
  });
}

async function getBytes(client: Client, key: string): Promise<Buffer | null> {
  return await client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }).get(key);
}

type Evaluate = (client: Client, script: string, given: EvalOptions) => Promise<unknown>;

interface EvalOptions {
  keys: string[];
  arguments: string[];
}

/** Scripts go by their digest, and whole only to a Redis that does not know them. */
function makeEvaluate(): Evaluate {
  const digests = new Map<string, string>();
  const digestOf = (script: string): string => {
    const digest = digests.get(script) ?? createHash("sha1").update(script).digest("hex");
    digests.set(script, digest);
    return digest;
  };
  return async (client, script, given) => {
    try {
      return await client.evalSha(digestOf(script), given);
    } catch (error) {
      if (!String(error).includes("NOSCRIPT")) throw error;
      return await client.eval(script, given);
    }
  };
}

interface LinkParts {
  readonly clock: Clock;
  /** Called with each new connection. */
  readonly ready: (client: Client) => Promise<void>;
  /** Called when a connection that was ready ended. */
  readonly lost: () => void;
}

const firstPauseMs = 100;
const longestPauseMs = 3000;

/** One connection, made anew whenever it ends. */
class Link {
  /** The connection, while it is ready. */
  client: Client | undefined;
  readonly #options: RedisOptions;
  readonly #parts: LinkParts;
  #dialled: Client | undefined;
  #pauseMs = firstPauseMs;
  #retry: Cancel | undefined;
  #closed = false;
  readonly #waiting: (() => void)[] = [];

  constructor(options: RedisOptions, parts: LinkParts) {
    this.#options = options;
    this.#parts = parts;
    this.#dial();
  }

  async run<T>(work: (client: Client) => Promise<T>, limitMs: number): Promise<T> {
    const { client } = this;
    if (client === undefined) throw new Error("Redis is not connected");
    return await new Promise<T>((resolve, reject) => {
      const cancel = this.#parts.clock.after(limitMs, () => {
        reject(new Error(`Redis did not answer within ${limitMs} ms`));
        if (this.client === client) this.reset();
      });
      work(client).then(resolve, reject).finally(cancel);
    });
  }

  whenUp(timeoutMs: number): Promise<boolean> {
    if (this.client !== undefined) return Promise.resolve(true);
    return new Promise((resolve) => {
      const cancel = this.#parts.clock.after(timeoutMs, () => resolve(false));
      this.#waiting.push(() => {
        cancel();
        resolve(true);
      });
    });
  }

  reset(): void {
    const dialled = this.#dialled;
    if (dialled !== undefined) this.#end(dialled);
  }

  close(): void {
    this.#closed = true;
    this.#retry?.();
    const dialled = this.#dialled;
    if (dialled !== undefined) this.#end(dialled);
  }

  #dial(): void {
    const client = makeClient(this.#options);
    this.#dialled = client;
    client.on("error", () => this.#end(client));
    client.on("end", () => this.#end(client));
    client
      .connect()
      .then(() => this.#parts.ready(client))
      .then(() => {
        if (this.#dialled !== client) return;
        this.client = client;
        this.#pauseMs = firstPauseMs;
        for (const wake of this.#waiting.splice(0)) wake();
      })
      .catch(() => this.#end(client));
  }

  #end(client: Client): void {
    if (this.#dialled !== client) return;
    const wasReady = this.client === client;
    this.#dialled = undefined;
    this.client = undefined;
    if (client.isOpen) client.destroy();
    if (wasReady) this.#parts.lost();
    if (this.#closed) return;
    const random = this.#options.random ?? Math.random;
    const pauseMs = this.#pauseMs * (0.5 + random() * 0.5);
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
    this.#retry = this.#parts.clock.after(pauseMs, () => this.#dial());
  }
}
