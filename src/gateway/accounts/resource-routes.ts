/**
 * The one table of paths of things that outlive a call: what each does, which ids it names, what its reply makes known.
 * The public paths are mounted from it, the gateway serves by it; a path that is not here does not exist.
 */
import type { FrontId, ResourceKind, ResourceMethod, ResourceOperation } from "../../wire/call.ts";

export interface ResourceRoute {
  readonly dialect: FrontId;
  readonly method: ResourceMethod;
  /** Behind a public prefix; `:a` and `:b` are ids. With the method it names the row. */
  readonly path: string;
  readonly operation: ResourceOperation;
  /** What the path's ids stand for, outermost first. */
  readonly ids: readonly ResourceKind[];
  /** Behind the operation's own path at the vendor; `{a}` and `{b}` stand for the vendor's ids. */
  readonly tail: string;
  /** `list`: answered from the ledger. `make` writes into it, `forget` strikes out of it. */
  readonly does: "make" | "list" | "ask" | "forget";
  readonly body: "none" | "json" | "form" | "json-or-form";
  /** `events`: a stream where the query asks for one. */
  readonly reply: "json" | "bytes" | "events";
  /** What the reply's own ids stand for; left out: nothing that could be asked for. */
  readonly made?: ResourceKind | undefined;
  /** Where the body names models: once, in each of its requests, or in a file that nobody reads here. */
  readonly models?: "body" | "requests" | "unread";
}

/** `ids`: kinds of the path's further ids. */
type Row = readonly [
  path: `${ResourceMethod} ${string}`,
  tail: string,
  more: Partial<Pick<ResourceRoute, "does" | "body" | "reply" | "made" | "models" | "ids">>,
];

const methodsWithBody: readonly string[] = ["POST", "PATCH"];

function rows(
  dialect: FrontId,
  operation: ResourceOperation,
  kind: ResourceKind,
  table: readonly Row[],
): readonly ResourceRoute[] {
  return table.map(([name, tail, more]) => {
    const [method = "", path = ""] = name.split(" ");
    const count = path.split("/:").length - 1;
    return {
      dialect,
      method: method as ResourceMethod,
      path,
      operation,
      tail,
      does: "ask",
      body: methodsWithBody.includes(method) ? "json" : "none",
      reply: "json",
      made: kind,
      ...more,
      ids: [kind, ...(more.ids ?? [])].slice(0, count),
    };
  });
}

const item = { ids: ["item"], made: "item" } as const;
const fileOf = { ids: ["file"], made: "file" } as const;
const batchOf = { ids: ["vector-store-batch"], made: "vector-store-batch" } as const;
/** Lists of what nobody can ask for by its id. */
const unnamed = { made: undefined } as const;

const responses = rows("openai-responses", "responses", "response", [
  ["GET /responses/:a", "/{a}", { reply: "events" }],
  ["DELETE /responses/:a", "/{a}", {}],
  ["POST /responses/:a/cancel", "/{a}/cancel", {}],
  ["GET /responses/:a/input_items", "/{a}/input_items", { made: "item" }],
]);

const conversations = rows("openai-responses", "conversations", "conversation", [
  ["POST /conversations", "", {}],
  ["GET /conversations/:a", "/{a}", {}],
  ["POST /conversations/:a", "/{a}", {}],
  ["DELETE /conversations/:a", "/{a}", {}],
  ["GET /conversations/:a/items", "/{a}/items", { made: "item" }],
  ["POST /conversations/:a/items", "/{a}/items", { made: "item" }],
  ["GET /conversations/:a/items/:b", "/{a}/items/{b}", item],
  ["DELETE /conversations/:a/items/:b", "/{a}/items/{b}", { ids: ["item"] }],
]);

const files = rows("openai-chat", "files", "file", [
  ["POST /files", "", { does: "make", body: "form" }],
  ["GET /files", "", { does: "list" }],
  ["GET /files/:a", "/{a}", {}],
  ["DELETE /files/:a", "/{a}", { does: "forget" }],
  ["GET /files/:a/content", "/{a}/content", { reply: "bytes" }],
]);

const uploads = rows("openai-chat", "uploads", "upload", [
  ["POST /uploads", "", {}],
  ["POST /uploads/:a/parts", "/{a}/parts", { body: "form", made: "upload-part" }],
  ["POST /uploads/:a/complete", "/{a}/complete", {}],
  ["POST /uploads/:a/cancel", "/{a}/cancel", {}],
]);

const batches = rows("openai-chat", "batches", "batch", [
  ["POST /batches", "", { does: "make", models: "unread" }],
  ["GET /batches", "", { does: "list" }],
  ["GET /batches/:a", "/{a}", {}],
  ["POST /batches/:a/cancel", "/{a}/cancel", {}],
]);

const fineTuning = rows("openai-chat", "fine-tuning", "fine-tuning-job", [
  ["POST /fine_tuning/jobs", "/jobs", { does: "make", models: "body" }],
  ["GET /fine_tuning/jobs", "/jobs", { does: "list" }],
  ["GET /fine_tuning/jobs/:a", "/jobs/{a}", {}],
  ["POST /fine_tuning/jobs/:a/cancel", "/jobs/{a}/cancel", {}],
  ["POST /fine_tuning/jobs/:a/pause", "/jobs/{a}/pause", {}],
  ["POST /fine_tuning/jobs/:a/resume", "/jobs/{a}/resume", {}],
  ["GET /fine_tuning/jobs/:a/events", "/jobs/{a}/events", unnamed],
  ["GET /fine_tuning/jobs/:a/checkpoints", "/jobs/{a}/checkpoints", unnamed],
]);

const containers = rows("openai-chat", "containers", "container", [
  ["POST /containers", "", { does: "make" }],
  ["GET /containers", "", { does: "list" }],
  ["GET /containers/:a", "/{a}", {}],
  ["DELETE /containers/:a", "/{a}", { does: "forget" }],
  ["POST /containers/:a/files", "/{a}/files", { made: "file", body: "json-or-form" }],
  ["GET /containers/:a/files", "/{a}/files", { made: "file" }],
  ["GET /containers/:a/files/:b", "/{a}/files/{b}", fileOf],
  ["DELETE /containers/:a/files/:b", "/{a}/files/{b}", fileOf],
  ["GET /containers/:a/files/:b/content", "/{a}/files/{b}/content", { ...fileOf, reply: "bytes" }],
]);

const vectorStores = rows("openai-chat", "vector-stores", "vector-store", [
  ["POST /vector_stores", "", { does: "make" }],
  ["GET /vector_stores", "", { does: "list" }],
  ["GET /vector_stores/:a", "/{a}", {}],
  ["POST /vector_stores/:a", "/{a}", {}],
  ["DELETE /vector_stores/:a", "/{a}", { does: "forget" }],
  ["POST /vector_stores/:a/search", "/{a}/search", unnamed],
  ["POST /vector_stores/:a/files", "/{a}/files", { made: "file" }],
  ["GET /vector_stores/:a/files", "/{a}/files", { made: "file" }],
  ["GET /vector_stores/:a/files/:b", "/{a}/files/{b}", fileOf],
  ["POST /vector_stores/:a/files/:b", "/{a}/files/{b}", fileOf],
  ["DELETE /vector_stores/:a/files/:b", "/{a}/files/{b}", fileOf],
  ["GET /vector_stores/:a/files/:b/content", "/{a}/files/{b}/content", fileOf],
  ["POST /vector_stores/:a/file_batches", "/{a}/file_batches", { made: "vector-store-batch" }],
  ["GET /vector_stores/:a/file_batches/:b", "/{a}/file_batches/{b}", batchOf],
  ["POST /vector_stores/:a/file_batches/:b/cancel", "/{a}/file_batches/{b}/cancel", batchOf],
  [
    "GET /vector_stores/:a/file_batches/:b/files",
    "/{a}/file_batches/{b}/files",
    { ids: ["vector-store-batch"], made: "file" },
  ],
]);

const anthropicFiles = rows("anthropic-messages", "files", "file", [
  ["POST /files", "", { does: "make", body: "form" }],
  ["GET /files", "", { does: "list" }],
  ["GET /files/:a", "/{a}", {}],
  ["DELETE /files/:a", "/{a}", { does: "forget" }],
  ["GET /files/:a/content", "/{a}/content", { reply: "bytes" }],
]);

const anthropicBatches = rows("anthropic-messages", "batches", "batch", [
  ["POST /messages/batches", "", { does: "make", models: "requests" }],
  ["GET /messages/batches", "", { does: "list" }],
  ["GET /messages/batches/:a", "/{a}", {}],
  ["POST /messages/batches/:a/cancel", "/{a}/cancel", {}],
  ["DELETE /messages/batches/:a", "/{a}", { does: "forget" }],
  ["GET /messages/batches/:a/results", "/{a}/results", { reply: "bytes" }],
]);

const geminiCaches = rows("gemini-content", "cached-contents", "cached-content", [
  ["POST /cachedContents", "", { does: "make", models: "body" }],
  ["GET /cachedContents", "", { does: "list" }],
  ["GET /cachedContents/:a", "/{a}", {}],
  ["PATCH /cachedContents/:a", "/{a}", {}],
  ["DELETE /cachedContents/:a", "/{a}", { does: "forget" }],
]);

/** All rows. */
export const resourceRoutes: readonly ResourceRoute[] = [
  ...responses,
  ...conversations,
  ...files,
  ...uploads,
  ...batches,
  ...fineTuning,
  ...containers,
  ...vectorStores,
  ...anthropicFiles,
  ...anthropicBatches,
  ...geminiCaches,
];

/** The row of a request; undefined: the dialect has no such path. */
export function findResourceRoute(
  dialect: FrontId,
  method: ResourceMethod,
  path: string,
): ResourceRoute | undefined {
  return resourceRoutes.find(
    (row) => row.dialect === dialect && row.method === method && row.path === path,
  );
}

/** What ids of a kind begin with where paths have only what follows (Gemini's names). */
export function idPrefixOf({ dialect }: ResourceRoute): string {
  return dialect === "gemini-content" ? "cachedContents/" : "";
}
