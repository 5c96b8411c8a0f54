/** The ledger of what callers made, kept while they make and delete. Promise kept here: what is made is in its owner's list. */
import type { JsonObject } from "../core/json-value.ts";
import type { PathIds } from "./resource-ids-of-path.ts";
import type { LedgerOwner } from "./resource-ledger.ts";
import type { Serving } from "./resource-call.ts";
import { warningHeader } from "./response-keeper.ts";

/** A JSON object; undefined for anything else. */
export function parseDocument(told: Buffer): JsonObject | undefined {
  try {
    const parsed: unknown = JSON.parse(told.toString());
    return typeof parsed === "object" && parsed !== null ? (parsed as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

/** Its name for itself; undefined: it has none. */
export function idOf(document: JsonObject | undefined): string | undefined {
  const id = document?.["id"] ?? document?.["name"];
  return typeof id === "string" ? id : undefined;
}

type Headers = Readonly<Record<string, string>>;

/** Writes what was made into its owner's list, and strikes out what was deleted. Answers headers that tell of faults. */
export async function keepBooks(serving: Serving, path: PathIds, told: Buffer): Promise<Headers> {
  const { route, owner, state } = serving;
  if (route.does === "forget" && path.named !== undefined)
    await state.resources.forget(owner.ownerId, path.named);
  if (route.does === "make") return await note(serving, owner, parseDocument(told));
  if (route.path !== "/uploads/:a/complete") return {};
  const file = parseDocument(told)?.["file"];
  const isFile = typeof file === "object" && file !== null;
  return isFile ? await note(serving, { ...owner, kind: "file" }, file as JsonObject) : {};
}

async function note(
  { state }: Serving,
  owner: LedgerOwner,
  document: JsonObject | undefined,
): Promise<Headers> {
  const id = idOf(document);
  if (document === undefined || id === undefined) return {};
  const reason = await state.resources.note(owner, { id, document });
  return reason === null ? {} : { [warningHeader]: `${owner.kind} not listed: ${reason}` };
}

/** What the vendor has no more is in no list. */
export async function strikeOut(
  serving: Serving,
  { named }: PathIds,
  status: number,
): Promise<void> {
  const { route, owner, state } = serving;
  if (status === 404 && named !== undefined && route.ids.length === 1)
    await state.resources.forget(owner.ownerId, named);
}
