/** Whether a channel can serve a call at all, before anybody looks into the body: the plan leaves the others out. */
import type { CallFacts } from "../../dialects/contract.ts";
import type { UpstreamOperation } from "../../providers/contract.ts";
import { findProvider } from "../../providers/registry.ts";
import { mappedModel } from "../../route/plan.ts";
import type { Channel } from "../../sync/entities.ts";
import type { CallRequest } from "../../wire/call.ts";
import { canTake, endpointsFor } from "../requests/choose-endpoint.ts";
import { matchesAny } from "../requests/model-patterns.ts";

/** What of a call decides it. */
export interface ServedCall {
  readonly request: Pick<CallRequest, "dialect" | "operation">;
  readonly facts: Pick<CallFacts, "model" | "stream" | "usesTools">;
}

export function servesCall(call: ServedCall): (channel: Channel) => boolean {
  const operation = call.request.operation as UpstreamOperation;
  return (channel) => {
    const { options } = channel;
    if (options.onlyChat && call.facts.usesTools) return false;
    const model = mappedModel(channel, call.facts.model);
    if (call.facts.stream && matchesAny(options.disabledStream, model)) return false;
    if (isServed(channel, call.request, { operation, model })) return true;
    // Whoever cannot count has it counted here, as long as it converses.
    if (operation !== "count-tokens") return false;
    const chat = { dialect: call.request.dialect, operation: "chat" } as const;
    return isServed(channel, chat, { operation: "chat", model });
  };
}

function isServed(
  channel: Channel,
  request: ServedCall["request"],
  asked: { readonly operation: UpstreamOperation; readonly model: string },
): boolean {
  const provider = findProvider(channel.provider);
  if (provider === undefined) return false;
  const base = channel.baseUrl ?? provider.defaultBaseUrl;
  return endpointsFor(channel, provider, asked).some(
    (endpoint) => (base !== null || endpoint.baseUrl !== undefined) && canTake(endpoint, request),
  );
}
