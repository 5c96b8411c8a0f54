/** Names of models as Google writes them: `models/gemini-2.5-flash`. */

/** The name without the collection that it stands in. */
export function bareModel(name: string): string {
  return name.replace(/^(?:models|tunedModels)\//, "");
}

/** The name with its collection, as bodies have it. */
export function fullModel(name: string): string {
  return `models/${bareModel(name)}`;
}
