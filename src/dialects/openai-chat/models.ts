/** Lists of models: OpenAI's, as both of its dialects tell them. */
export { renderModel, renderModels } from "../openai-models.ts";
