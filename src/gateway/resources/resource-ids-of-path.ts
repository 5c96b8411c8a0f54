/** Opens the ids that a path and its query name. Promise kept here: who has no such thing learns nothing else. */
import { GatewayError } from "../../core/errors.ts";
import { looksSealed, looksTagged } from "../../core/sealed-id.ts";
import type { CallRequest, ResourceKind } from "../../wire/call.ts";
import { type Opener, openFor } from "../ids/open-ids.ts";
import { type Pin, joinPins } from "../ids/pin.ts";
import { type ResourceRoute, idPrefixOf } from "../accounts/resource-routes.ts";

export interface PathIds {
  /** Null: the path names nothing. */
  readonly pin: Pin | null;
  /** Whether an id was not given out here. */
  readonly unsealed: boolean;
  readonly opened: ReadonlyMap<string, string>;
  /** Behind the endpoint's path, the vendor's ids filled in. */
  readonly tail: string;
  readonly query: URLSearchParams;
  /** The id of the thing itself, as the caller knows it; undefined: the path names none. */
  readonly named: string | undefined;
}

/** Parameters that go up; those of a page hold ids. */
const plainNames = [
  "limit",
  "order",
  "include",
  "include[]",
  "stream",
  "starting_after",
  "include_obfuscation",
  "filter",
  "updateMask",
];
const pageNames = ["after", "before", "after_id", "before_id"];

/** The error of a thing that the caller does not have. */
export function noSuchThing(kind: ResourceKind, id: string): GatewayError {
  const message = `There is no ${kind} with id '${id}'`;
  return new GatewayError("not_found", message, { values: { detail: message } });
}

/** Throws `not_found`, and `invalid_request` for ids of different accounts. */
export function openPath(request: CallRequest, route: ResourceRoute, opener: Opener): PathIds {
  const prefix = idPrefixOf(route);
  const opened = new Map<string, string>();
  let pin: Pin | null = null;
  let unsealed = false;
  const open = (id: string, kind: ResourceKind): string => {
    if (!looksSealed(id) && !looksTagged(id)) {
      unsealed = true;
      return id;
    }
    const resource = openFor(opener, id, kind);
    if (resource === undefined) throw noSuchThing(kind, id);
    pin = joinPins(pin, resource, kind);
    opened.set(resource.upstreamId, id);
    return resource.upstreamId;
  };
  const ids = (request.resource?.ids ?? []).map((id) => prefix + id);
  const upstream = ids.map((id, index) => open(id, route.ids[index] ?? "response"));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query)) {
    if (plainNames.includes(name))
      for (const each of request.repeated?.[name] ?? [value]) query.append(name, each);
    if (pageNames.includes(name))
      query.set(name, route.made === undefined ? value : open(value, route.made));
  }
  const segments: Readonly<Record<string, string | undefined>> = { a: upstream[0], b: upstream[1] };
  const tail = route.tail.replaceAll(/\{([ab])\}/g, (_, name: string) =>
    segment((segments[name] ?? "").slice(prefix.length)),
  );
  return { pin, unsealed, opened, tail, query, named: ids[0] };
}

/** An id as a segment of a path that cannot climb out of it. */
function segment(id: string): string {
  if (id !== "" && !/^\.{1,2}$/.test(id) && id.isWellFormed()) return encodeURIComponent(id);
  throw noSuchThing("file", id);
}
