/** The ledger of what callers made, kept while they make and delete. Promise kept here: what is made is in its owner's list. */
import type { JsonObject } from "../../core/json-value.ts";
import type { PathIds } from "./resource-ids-of-path.ts";
import type { LedgerOwner } from "../state/resource-ledger.ts";
import type { Serving } from "./resource-call.ts";
import { idOf, parseDocument } from "../accounts/parse-document.ts";
import { warningHeader } from "../state/response-keeper.ts";

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
