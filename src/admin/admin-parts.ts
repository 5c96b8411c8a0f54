/** What the management API needs from the rest of the product; main.ts joins it. */
import type { AuthenticateManager } from "../auth/authenticate-manager.ts";
import type { RandomBytes } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import type { SealKey, TokenPurpose } from "../core/seal.ts";
import type { Database } from "../store/database.ts";
import type { Channel } from "../sync/entities.ts";
import type { Sync } from "../sync/sync.ts";

/** What trying out a channel found. */
export interface ProbeResult {
  readonly ok: boolean;
  /** Upstream's status; null when it never answered. */
  readonly status: number | null;
  readonly durationMs: number;
  /** What went wrong; null when nothing did. */
  readonly message: string | null;
}

/** Makes one small real call through a channel. Never rejects for a fault of the upstream. */
export type ProbeChannel = (channel: Channel, model: string) => Promise<ProbeResult>;

/** What is read of a channel whose models are listed; it need not have been saved. */
export type ListedChannel = Pick<
  Channel,
  "provider" | "baseUrl" | "credentials" | "headers" | "proxy" | "timeouts" | "options"
>;

/**
 * Asks the upstream for the names of its models. Rejects with `validation_failed` where it publishes no list, else with
 * what went wrong upstream.
 */
export type ListUpstreamModels = (channel: ListedChannel) => Promise<readonly string[]>;

export interface AdminParts {
  readonly sync: Sync;
  readonly database: Pick<Database, "reads" | "writes">;
  readonly authenticateManager: AuthenticateManager;
  readonly probeChannel: ProbeChannel;
  readonly listUpstreamModels: ListUpstreamModels;
  /** Cluster's key for credentials. This and the two below are undefined until the cluster's secrets are known. */
  readonly dataKey: () => SealKey | undefined;
  /** The stored form of a caller's key. */
  readonly hashKey: (key: string) => string | undefined;
  /** The stored form of a token. */
  readonly hashToken: (purpose: TokenPurpose, token: string) => string | undefined;
  readonly random: RandomBytes;
  readonly logger: Logger;
  /** Whether the first account finds the built-in prices; undefined: when the setup link makes it. */
  readonly seedPrices?: boolean | undefined;
  readonly version: string;
}
