/** Where vendors serve what outlives a call, by API. A vendor's manifest names which of it the vendor has. */
import type { DialectId, ResourceOperation } from "../wire/call.ts";
import type { Endpoint } from "./contract.ts";

type Paths = Readonly<Partial<Record<ResourceOperation, string>>>;

/** Responses are where conversations of that API are. */
const paths: Readonly<Partial<Record<DialectId, Paths>>> = {
  "openai-chat": {
    files: "/files",
    uploads: "/uploads",
    batches: "/batches",
    "fine-tuning": "/fine_tuning",
    containers: "/containers",
    "vector-stores": "/vector_stores",
  },
  "openai-responses": { conversations: "/conversations" },
  "anthropic-messages": { files: "/v1/files", batches: "/v1/messages/batches" },
  "gemini-content": { files: "/files", "cached-contents": "/cachedContents" },
};

/** Endpoints of an API, all or those of the named operations. */
export function resourceEndpoints(
  dialect: DialectId,
  operations?: readonly ResourceOperation[],
): Partial<Record<ResourceOperation, readonly Endpoint[]>> {
  const found: Partial<Record<ResourceOperation, readonly Endpoint[]>> = {};
  for (const [name, path] of Object.entries(paths[dialect] ?? {})) {
    const operation = name as ResourceOperation;
    if (operations?.includes(operation) === false) continue;
    found[operation] = [{ dialect, path, usageOptIn: false }];
  }
  return found;
}
