/** Whether a channel's provider serves an operation and can be addressed at all. */
import { findProvider } from "../providers/registry.ts";
import type { UpstreamOperation } from "../providers/contract.ts";
import type { Channel } from "../sync/entities.ts";

export function servesOperation(operation: UpstreamOperation): (channel: Channel) => boolean {
  return (channel) => {
    const provider = findProvider(channel.provider);
    if (provider?.endpoints[operation] === undefined) return false;
    return (channel.baseUrl ?? provider.defaultBaseUrl) !== null;
  };
}
