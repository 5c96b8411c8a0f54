/**
 * Rules between entities and this build: asked inside the write door for every change, whoever makes it.
 * Only what a change brought is refused; what stood before may stay until it is mended.
 */
import type { FieldFault } from "../core/errors.ts";
import { channelFaults } from "../providers/check-channel.ts";
import { findProvider, providers } from "../providers/registry.ts";
import type { Channel, Snapshot } from "../sync/entities.ts";

/** Faults that `next` has and `base` had not. */
export function validateConfig(
  next: Pick<Snapshot, "channels">,
  base: Pick<Snapshot, "channels">,
): readonly FieldFault[] {
  const faults: FieldFault[] = [];
  for (const [id, channel] of next.channels) {
    const before = base.channels.get(id);
    if (before?.rev === channel.rev) continue;
    const old = before === undefined ? [] : faultsOf(before).map((fault) => fault.field);
    faults.push(...faultsOf(channel).filter((fault) => !old.includes(fault.field)));
  }
  return faults;
}

function faultsOf(channel: Channel): readonly FieldFault[] {
  const provider = findProvider(channel.provider);
  if (provider !== undefined) return channelFaults(provider, channel);
  const known = providers.map((one) => one.id).join(", ");
  return [{ field: "provider", message: `is not known; known are: ${known}` }];
}
