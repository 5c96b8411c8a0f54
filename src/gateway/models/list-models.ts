/** Which models a caller can call now, as its dialect lists them. */
import { isModelAllowed } from "../../auth/model-allowed.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Dialect, ListedModel, RenderedReply } from "../../dialects/contract.ts";
import { findProvider } from "../../providers/registry.ts";
import type { Snapshot } from "../../sync/entities.ts";
import type { CallRequest } from "../../wire/call.ts";
import type { Caller } from "../../wire/caller.ts";
import { pageModels } from "./page-models.ts";

function groupsOf(caller: Caller): readonly string[] {
  const { group, fallbackGroup } = caller;
  return fallbackGroup === null || fallbackGroup === group ? [group] : [group, fallbackGroup];
}

/** The model with its owner; undefined where no channel of the caller's groups serves it. */
function findListed(snapshot: Snapshot, caller: Caller, id: string): ListedModel | undefined {
  for (const group of groupsOf(caller)) {
    const channel = snapshot.routes.candidates(group, id)[0]?.[0];
    if (channel === undefined) continue;
    const label = findProvider(channel.provider)?.label ?? channel.provider;
    return { id, ownedBy: snapshot.models.get(id)?.owner ?? label };
  }
  return undefined;
}

function listAll(snapshot: Snapshot, caller: Caller): ListedModel[] {
  // Names served through a `prefix*` are known only where somebody names them.
  const named = [
    ...snapshot.models.keys(),
    ...(caller.models ?? []).filter((model) => !model.endsWith("*")),
  ];
  const served = groupsOf(caller).flatMap((group) => snapshot.routes.models(group));
  const names = [...new Set([...served, ...named])].sort();
  return names
    .filter((name) => isModelAllowed(caller.models, name))
    .map((name) => findListed(snapshot, caller, name))
    .filter((model) => model !== undefined);
}

/** Answers the `models` and `model` operations. Throws `model_not_found`. */
export function answerModels(
  request: CallRequest,
  caller: Caller,
  parts: { readonly snapshot: Snapshot; readonly dialect: Dialect },
): RenderedReply {
  if (request.operation === "models") {
    const { models, page } = pageModels(listAll(parts.snapshot, caller), request);
    return parts.dialect.renderModels(models, page);
  }
  const id = request.pathModel ?? "";
  const listed = isModelAllowed(caller.models, id)
    ? findListed(parts.snapshot, caller, id)
    : undefined;
  if (listed !== undefined) return parts.dialect.renderModel(listed);
  throw new GatewayError("model_not_found", `Model ${id} does not exist`, {
    values: { model: id },
  });
}
