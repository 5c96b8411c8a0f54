/** Which models a key may call: names, or `prefix*`. */
import { GatewayError } from "../core/errors.ts";
import type { Caller } from "../wire/caller.ts";

/** Whether an allow-list (null: everything) holds a model. */
export function isModelAllowed(allowed: readonly string[] | null, model: string): boolean {
  if (allowed === null) return true;
  return allowed.some((entry) =>
    entry.endsWith("*") ? model.startsWith(entry.slice(0, -1)) : entry === model,
  );
}

/** Throws `model_not_allowed` when the key's list does not hold the model. */
export function checkModelAllowed(caller: Pick<Caller, "models">, model: string): void {
  if (isModelAllowed(caller.models, model)) return;
  throw new GatewayError("model_not_allowed", `This API key may not use model ${model}`, {
    values: { model },
  });
}
