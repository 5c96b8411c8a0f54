/**
 * The cluster's secrets as this node knows them: from its database, or from a copy while that cannot be asked. Promise
 * kept: a root secret that is not the cluster's is told as soon as the database can be asked.
 */
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { SealKey } from "../core/seal.ts";
import { WrongSecret } from "../store/cluster.ts";
import type { ClusterSecrets } from "./copy-content.ts";
import { inTime } from "./in-time.ts";

export interface ClusterKeeperParts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Rejects while the database cannot be asked or is not set up; with WrongSecret when it refuses. */
  readonly openCluster: () => Promise<ClusterSecrets>;
  /** Called once, when the database says that the root secret is another cluster's. */
  readonly onRefused: (error: Error) => void;
  /** Called once the cluster is known, and again if the database turns out to be another cluster than the copy's. */
  readonly onKnown: (secrets: ClusterSecrets) => void;
}

export interface ClusterKeeper {
  secrets(): ClusterSecrets | undefined;
  /** The database's own; asks it the first time. */
  dataKey(): Promise<SealKey>;
  /** Takes over a copy's while nothing is known from the database. */
  offer(secrets: ClusterSecrets): void;
}

const answerMs = 1_500;

export function makeClusterKeeper(parts: ClusterKeeperParts): ClusterKeeper {
  let known: ClusterSecrets | undefined;
  let confirmed: Promise<ClusterSecrets> | undefined;
  let refused = false;

  const take = (secrets: ClusterSecrets): void => {
    const isOther = known?.clusterId !== secrets.clusterId;
    if (known !== undefined && isOther)
      parts.logger.error(
        { clusterId: secrets.clusterId, copyOf: known.clusterId },
        "the database is another cluster than the one this node's copy is of; the database counts",
      );
    known = secrets;
    if (isOther) parts.onKnown(secrets);
  };
  const ask = async (): Promise<ClusterSecrets> => {
    try {
      const secrets = await inTime(parts.clock, answerMs, parts.openCluster());
      take(secrets);
      return secrets;
    } catch (error) {
      confirmed = undefined;
      if (error instanceof WrongSecret && !refused) {
        refused = true;
        parts.onRefused(error);
      }
      throw error;
    }
  };

  return {
    secrets: () => known,
    dataKey: async () => {
      confirmed ??= ask();
      return (await confirmed).dataKey;
    },
    offer: (secrets) => {
      if (known === undefined) take(secrets);
    },
  };
}
