/** Rerank as Jina has it (`POST /v1/rerank`), joined into one dialect. */
import { renderModel, renderModels } from "../openai-models.ts";
import { makeRerankDialect } from "../rerank-dialect.ts";
import { decodeError, renderError } from "./errors.ts";
import { rerankFront } from "./rerank.ts";

export const jina = makeRerankDialect({
  id: "jina-v1",
  media: rerankFront,
  readError: decodeError,
  renderError,
  renderModels,
  renderModel,
});
