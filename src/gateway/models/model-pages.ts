/** How vendors write a page of their list of models, and where the next page is. */
import type { ModelListing } from "../../providers/contract.ts";

export interface ListedPage {
  readonly ids: readonly string[];
  /** Path of the next page behind the base URL; null: this was the last one. */
  readonly next: string | null;
}

/** Undefined: that is no page in this shape. `path`: the first page's; `url`: this page's. */
export type ReadModelPage = (body: unknown, path: string, url: string) => ListedPage | undefined;

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : undefined;
}

/** The named member of each entry; undefined where there is no list. */
function namesIn(list: unknown, ...names: readonly string[]): readonly string[] | undefined {
  if (!Array.isArray(list)) return undefined;
  return list.flatMap((entry: unknown) => {
    const fields = fieldsOf(entry);
    const name = names.map((one) => fields?.[one]).find((one) => typeof one === "string");
    return typeof name === "string" && name !== "" ? [name] : [];
  });
}

function withQuery(path: string, name: string, value: unknown): string | null {
  if (typeof value !== "string" || value === "") return null;
  return `${path}${path.includes("?") ? "&" : "?"}${name}=${encodeURIComponent(value)}`;
}

function page(ids: readonly string[] | undefined, next: string | null): ListedPage | undefined {
  return ids === undefined ? undefined : { ids, next };
}

const readOpenai: ReadModelPage = (body) => {
  const fields = fieldsOf(body);
  // Together and GitHub answer the bare list.
  return page(namesIn(fields?.["data"] ?? fields?.["models"] ?? body, "id", "name"), null);
};

const readAnthropic: ReadModelPage = (body, path) => {
  const fields = fieldsOf(body);
  const more = fields?.["has_more"] === true ? fields["last_id"] : undefined;
  return page(namesIn(fields?.["data"], "id"), withQuery(path, "after_id", more));
};

const readGemini: ReadModelPage = (body, path) => {
  const fields = fieldsOf(body);
  // A page without models has no such member.
  const ids = fields === undefined ? undefined : namesIn(fields["models"] ?? [], "name");
  return page(
    ids?.map((name) => name.replace(/^models\//, "")),
    withQuery(path, "pageToken", fields?.["nextPageToken"]),
  );
};

const readOllama: ReadModelPage = (body) =>
  page(namesIn(fieldsOf(body)?.["models"], "model", "name"), null);

const readCohere: ReadModelPage = (body, path) => {
  const fields = fieldsOf(body);
  return page(
    namesIn(fields?.["models"], "name"),
    withQuery(path, "page_token", fields?.["next_page_token"]),
  );
};

const profiles = "/inference-profiles?maxResults=1000";

/** Models first, then the profiles by which most of the newer ones can be called only. */
const readBedrock: ReadModelPage = (body) => {
  const fields = fieldsOf(body);
  const models = namesIn(fields?.["modelSummaries"], "modelId");
  if (models !== undefined) return page(models, profiles);
  return page(
    namesIn(fields?.["inferenceProfileSummaries"], "inferenceProfileId"),
    withQuery(profiles, "nextToken", fields?.["nextToken"]),
  );
};

const readCloudflare: ReadModelPage = (body, path, url) => {
  const ids = namesIn(fieldsOf(body)?.["result"], "name");
  const number = Number(new URL(url).searchParams.get("page") ?? 1);
  return page(ids, ids?.length === 0 ? null : withQuery(path, "page", String(number + 1)));
};

/** By the shape that a manifest names. */
export const pageReaders: Readonly<Record<ModelListing["shape"], ReadModelPage>> = {
  openai: readOpenai,
  anthropic: readAnthropic,
  gemini: readGemini,
  ollama: readOllama,
  cohere: readCohere,
  bedrock: readBedrock,
  cloudflare: readCloudflare,
};
