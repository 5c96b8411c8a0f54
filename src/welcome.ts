/**
 * What a node does once it serves: the first account or the setup link, and its lines for people. Promise kept here: a
 * node that is to make its accounts from the environment is not called ready before they exist.
 */
import { bootstrapAccounts, offerSetupLink } from "./admin/bootstrap.ts";
import type { Config } from "./config/config.ts";
import { sleep, systemClock } from "./core/clock.ts";
import { messageOf } from "./core/errors.ts";
import { joinBootstrap } from "./join-parts.ts";
import type { JoinedParts } from "./join-parts.ts";
import type { SyncStatus } from "./sync/sync.ts";

export interface WelcomeOptions {
  readonly version: string;
  readonly print: (line: string) => void;
  /** Runs once the node is ready, with its URL; its answer is closed with the node. */
  readonly onReady?: (url: string) => Promise<{ close(): Promise<void> }>;
}

/** Holds readiness back until the accounts of the environment are known to exist. */
export interface FirstAccountGate {
  /** What is awaited; undefined: nothing. */
  readonly awaited: () => string | undefined;
  /** The accounts exist, or none are to be made. */
  settle(): void;
}

export interface GateParts {
  readonly config: Pick<Config, "initialRootAccessToken" | "initialRootToken">;
  readonly sync: { status(): Pick<SyncStatus, "source"> };
}

/** Closed only where accounts are configured, and never for a node that serves from a copy: a copy has been set up. */
export function makeFirstAccountGate({ config, sync }: GateParts): FirstAccountGate {
  const { initialRootAccessToken, initialRootToken } = config;
  let open = initialRootAccessToken === undefined && initialRootToken === undefined;
  return {
    awaited: () => {
      if (open) return undefined;
      const { source } = sync.status();
      if (source === "disk" || source === "shared-copy") open = true;
      return open ? undefined : "the first account is still being made";
    },
    settle: () => {
      open = true;
    },
  };
}

export interface WelcomeParts {
  readonly joined: JoinedParts;
  readonly gate: FirstAccountGate;
  readonly stopping: AbortSignal;
}

/** Once a snapshot serves: the first account or the setup link, the URL for people, and whatever was asked for. */
export async function welcomeWhenReady(
  options: WelcomeOptions,
  { joined, gate, stopping }: WelcomeParts,
  url: string,
): Promise<{ close(): Promise<void> } | undefined> {
  while (!(await joined.sync.whenServing(1000))) if (stopping.aborted) return undefined;
  const account = firstAccount(joined, stopping);
  void account.then(gate.settle);
  if (gate.awaited() !== undefined) await account;
  if (stopping.aborted) return undefined;
  options.print(`Switchyard ${options.version} is ready: ${url}`);
  const link = await account;
  if (link !== undefined) options.print(`Set it up (once, within a day): ${url}/setup#${link}`);
  if (stopping.aborted || options.onReady === undefined) return undefined;
  try {
    return await options.onReady(url);
  } catch (error) {
    options.print(messageOf(error));
    return undefined;
  }
}

async function firstAccount(
  joined: JoinedParts,
  stopping: AbortSignal,
): Promise<string | undefined> {
  const parts = joinBootstrap(joined);
  while (!stopping.aborted) {
    try {
      return (await bootstrapAccounts(parts)) === "not-configured"
        ? await offerSetupLink(parts)
        : undefined;
    } catch (error) {
      joined.logger.warn({ reason: messageOf(error) }, "the first account cannot be made yet");
    }
    await sleep(systemClock, 1000, stopping);
  }
  return undefined;
}
