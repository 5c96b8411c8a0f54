/** The account that a request on what outlives a call goes to, or the error of there being none. */
import { GatewayError } from "../../core/errors.ts";
import {
  type Account,
  chooseAccount,
  noAccount,
  pinnedAccount,
} from "../accounts/choose-account.ts";
import { noSuchResponse } from "../responses/own-responses.ts";
import type { Pin } from "../ids/pin.ts";
import type { ResourceBody } from "./resource-body.ts";
import type { Serving } from "./resource-call.ts";
import { type PathIds, noSuchThing } from "./resource-ids-of-path.ts";

interface Wanted {
  readonly pin: Pin | null;
  readonly path: PathIds;
  readonly body: ResourceBody;
}

/** Throws `not_found` or `invalid_request` for what cannot be reached, `no_available_channel` for what is new. */
export function getAccount(serving: Serving, wanted: Wanted): Account {
  const account = findAccount(serving, wanted);
  if (account !== undefined) return account;
  const { path, body } = wanted;
  if (body.unsealed !== null && !path.unsealed) throw body.unsealed;
  const { route } = serving;
  const { named } = path;
  if (named !== undefined && route.operation === "responses") throw noSuchResponse(named);
  if (named !== undefined) throw noSuchThing(route.ids[0] ?? "file", named);
  const message = "The ids in this request lie in an upstream account that does not serve it";
  throw new GatewayError("invalid_request", message, { values: { detail: message } });
}

function findAccount(serving: Serving, { pin, path, body }: Wanted): Account | undefined {
  const { snapshot, caller, route } = serving;
  const { models } = body;
  const unsealed = path.unsealed || body.unsealed !== null;
  const wish = { snapshot, caller, route, models, unsealed };
  if (pin !== null) {
    const account = pinnedAccount(wish, pin);
    return unsealed && account?.channel.options.unsealedIds === false ? undefined : account;
  }
  const account = chooseAccount(wish);
  if (account === undefined && path.named === undefined && !unsealed) throw noAccount(wish);
  return account;
}
