/** OpenAI itself: all of its API that the gateway serves. */
import { everything } from "../compatible/operation-sets.ts";
import type { Endpoint, Provider } from "../contract.ts";
import { resourceEndpoints } from "../resource-endpoints.ts";
import { keptResponses, standardEndpoints } from "../standard-endpoints.ts";

const responses = standardEndpoints("openai-responses");
const chat = standardEndpoints("openai-chat", everything);

/** Chat completions come first: they take what other APIs' callers send (stop sequences, seeds, several choices). */
const conversation: readonly Endpoint[] = [...(chat.chat ?? []), ...keptResponses()];

export const openai: Provider = {
  id: "openai",
  label: "OpenAI",
  docs: "https://developers.openai.com/api/reference",
  defaultBaseUrl: "https://api.openai.com/v1",
  auth: { kind: "bearer" },
  credentialRequired: true,
  endpoints: {
    ...responses,
    ...chat,
    ...standardEndpoints("openai-media", everything),
    ...resourceEndpoints("openai-chat"),
    ...resourceEndpoints("openai-responses"),
    chat: conversation,
  },
  models: { path: "/models", shape: "openai" },
};
