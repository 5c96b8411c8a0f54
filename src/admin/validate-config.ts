/**
 * Rules between entities and this build: asked inside the write door for every change, whoever makes it.
 * Only what a change brought is refused; what stood before may stay until it is mended.
 */
import type { FieldFault } from "../core/errors.ts";
import type { Provider } from "../providers/contract.ts";
import { findProvider, providers, reservedParametersOf } from "../providers/registry.ts";
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
    const old = before === undefined ? [] : channelFaults(before).map((fault) => fault.field);
    faults.push(...channelFaults(channel).filter((fault) => !old.includes(fault.field)));
  }
  return faults;
}

function channelFaults(channel: Channel): readonly FieldFault[] {
  const provider = findProvider(channel.provider);
  if (provider === undefined) {
    const known = providers.map((one) => one.id).join(", ");
    return [{ field: "provider", message: `is not known; known are: ${known}` }];
  }
  const faults = parameterFaults(channel, provider);
  return provider.defaultBaseUrl === null && channel.baseUrl === null
    ? [{ field: "baseUrl", message: `is required for provider ${provider.id}` }, ...faults]
    : faults;
}

/** What would be left out of the body again is refused, not accepted and ignored. */
function parameterFaults(channel: Channel, provider: Provider): readonly FieldFault[] {
  const reserved = reservedParametersOf(provider);
  return Object.keys(channel.parameters)
    .filter((name) => reserved.includes(name.toLowerCase()))
    .map((name) => ({
      field: `parameters.${name}`,
      message: "cannot be set here: the gateway answers for it",
    }));
}
