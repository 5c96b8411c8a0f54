/**
 * What of a call reaches beyond it: ids that it names, the response that it continues, the one that it leads to.
 * Promise kept here: nothing is sent anywhere before every id in it was opened for its owner.
 */
import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import { readBoolean, readString, splice } from "../../core/json.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { SealKey } from "../../core/seal.ts";
import type { CallFacts, Dialect } from "../../dialects/contract.ts";
import { idRulesOf } from "../../dialects/resource-ids.ts";
import type { Settings } from "../../sync/entities.ts";
import type { CallRequest } from "../../wire/call.ts";
import type { Caller } from "../../wire/caller.ts";
import { type BodyOpener, type OpenedIds, nothingOpened, openIds } from "../ids/open-ids.ts";
import { noItems, openItems } from "../ids/open-items.ts";
import { type Pin, joinPins } from "../ids/pin.ts";
import type { ResourceLedger } from "./resource-ledger.ts";
import {
  type Continued,
  ResponseKeeper,
  findContinued,
  isOwnResponse,
  nothingContinued,
  standingAlone,
} from "./response-keeper.ts";
import type { StoredResponses } from "./stored-responses.ts";

export interface StateParts {
  readonly stored: StoredResponses;
  readonly resources: ResourceLedger;
  /** Undefined while the cluster's secrets are not known. */
  readonly dataKey: () => SealKey | undefined;
}

export interface CallState {
  readonly ownerId: number;
  readonly key: () => SealKey;
  /** The account that the call must go to; null: any. */
  readonly pin: Pin | null;
  /** What channels are refused for that let no id through which nobody sealed; null: there is none. */
  readonly unsealed: GatewayError | null;
  /** Ids as the caller knows them, by the vendor's. */
  readonly opened: ReadonlyMap<string, string>;
  readonly continued: Continued;
  /** Keeps the response where the upstream does not; null: it is not to be kept. */
  readonly keeper: ResponseKeeper | null;
  /** Why a response that the caller would have kept is not; null: it is kept, or the caller wants none kept. */
  readonly unkept: string | null;
}

/** A call that can be routed. */
export interface BegunCall {
  /** With its ids opened. */
  readonly request: CallRequest;
  readonly facts: CallFacts;
  /** Left out: nothing of it reaches beyond it. */
  readonly state?: CallState;
  /** The body as one that stands on nothing before it; left out: it does already. */
  readonly standAlone?: (body: JsonObject) => JsonObject;
}

export interface BeginParts {
  readonly request: CallRequest;
  readonly dialect: Dialect;
  readonly facts: CallFacts;
  readonly caller: Caller;
  readonly settings: Settings;
  readonly clock: Clock;
}

/** The key of all seals. Throws `temporarily_unavailable` while it is not known. */
export function sealKeyOf(parts: Pick<StateParts, "dataKey">): SealKey {
  const key = parts.dataKey();
  if (key !== undefined) return key;
  throw new GatewayError("temporarily_unavailable", "the cluster's secrets are not known yet", {
    retryAfterS: 2,
  });
}

/** Throws what the ids of the body are refused for, and `temporarily_unavailable`. */
export function beginCall(
  begin: BeginParts,
  parts: StateParts | undefined,
): BegunCall | Promise<BegunCall> {
  if (parts === undefined) return { request: begin.request, facts: begin.facts };
  const { request, facts, dialect, caller } = begin;
  const rules = idRulesOf(request.dialect, request.operation);
  const opener: BodyOpener = {
    ownerId: caller.userId,
    key: () => sealKeyOf(parts),
    dialect: request.dialect,
    isOwn: (kind, id) => kind === "response" && isOwnResponse(id),
  };
  const ids = rules === undefined ? nothingOpened : openIds(request.body, rules, opener);
  const isResponses = dialect.id === "openai-responses";
  const input = isResponses ? facts.scan.members["input"] : undefined;
  const items = input === undefined ? noItems : openItems(request.body, input, opener);
  const pin = items.pin === null ? ids.pin : joinPins(ids.pin, items.pin, "input");
  const edits = [...ids.edits, ...items.edits];
  const opened = edits.length === 0 ? request : { ...request, body: splice(request.body, edits) };
  const all = { ...ids, pin, unsealed: ids.unsealed ?? items.unsealed };
  const told = { opened, ids: all, opener };
  if (!isResponses) return begun(begin, told, nothingContinued, null);
  const parentId = ownParent(request, facts);
  if (parentId === null && items.own.length === 0)
    return begun(begin, told, nothingContinued, parts);
  const asked = { parentId, items: items.own };
  return findContinued(parts.stored, caller.userId, asked).then((continued) =>
    begun(begin, told, continued, parts),
  );
}

function ownParent({ body }: CallRequest, { scan }: CallFacts): string | null {
  const range = scan.members["previous_response_id"];
  const id = range === undefined ? undefined : readString(body, range);
  return id !== undefined && isOwnResponse(id) ? id : null;
}

interface Told {
  readonly opened: CallRequest;
  readonly ids: OpenedIds;
  readonly opener: BodyOpener;
}

/** `parts` null: the dialect knows no responses that are kept. */
function begun(
  begin: BeginParts,
  { opened, ids, opener }: Told,
  continued: Continued,
  parts: StateParts | null,
): BegunCall {
  const { request, dialect, facts, clock, settings } = begin;
  const { ownerId, key } = opener;
  const state = { ownerId, key, pin: ids.pin, unsealed: ids.unsealed, opened: ids.opened };
  const same = opened === request;
  const reread = same ? facts : { ...dialect.parse(opened), model: facts.model };
  const base = { request: opened, facts: reread };
  const wished = parts !== null && request.operation === "chat" && !refusesStore(request, facts);
  const isOn = settings.responseState === "on";
  const stored = parts !== null && wished && isOn ? parts.stored : null;
  const keeper = stored === null ? null : new ResponseKeeper({ stored, clock, ownerId, continued });
  const unkept = wished && !isOn ? "stored responses are switched off on this gateway" : null;
  return {
    ...base,
    state: { ...state, continued, keeper, unkept },
    ...(parts !== null && {
      standAlone: (whole) => withoutStore(whole, continued, stored !== null),
    }),
  };
}

function refusesStore({ body }: CallRequest, { scan }: CallFacts): boolean {
  const range = scan.members["store"];
  return range !== undefined && readBoolean(body, range) === false;
}

/** That it is kept is the gateway's own doing: no upstream is asked for it. */
function withoutStore(body: JsonObject, continued: Continued, kept: boolean): JsonObject {
  const alone = continued === nothingContinued ? body : standingAlone(body, continued);
  if (!kept || !("store" in alone)) return alone;
  const { store: _store, ...rest } = alone;
  return rest;
}
