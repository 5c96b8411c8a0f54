/** A request on what outlives a call, as it goes up, and where its reply goes. */
import type { Handing, VendorRequest } from "../accounts/ask-vendor.ts";
import type { Account } from "../accounts/choose-account.ts";
import type { ResourceBody } from "./resource-body.ts";
import type { Serving } from "./resource-call.ts";
import { holdResults } from "./held-results.ts";
import { type BookEnd, retellStream } from "./retold-stream.ts";
import type { PathIds } from "./resource-ids-of-path.ts";
import type { IdSealer } from "../ids/seal-ids.ts";

/** What its vendor is asked. */
export function requestOf(
  { route }: Serving,
  account: Account,
  { path, body }: { readonly path: PathIds; readonly body: ResourceBody },
): VendorRequest {
  return {
    account,
    method: route.method,
    tail: path.tail,
    query: path.query,
    body: body.render(account.channel),
    accept: route.reply === "bytes" ? "*/*" : "application/json",
  };
}

/** What no vendor takes for a wish to hear a stream; others they may spell in many ways (`True`, `1`). */
const noStream: readonly unknown[] = [undefined, "", "false", "False", "0"];

/** Whether a vendor may tell a response again event by event: of a repeated wish either may count. */
export function asksForStream({ route, request }: Pick<Serving, "route" | "request">): boolean {
  const wishes = request.repeated?.["stream"] ?? [request.query["stream"]];
  return route.reply === "events" && wishes.some((wish) => !noStream.includes(wish));
}

export interface Charging {
  readonly bookEnd: BookEnd;
  /** Charges results that have begun to come; null: they are charged already. */
  readonly bookResults: (() => Promise<void>) | null;
}

/** Where a reply goes that is not to be read whole. */
export function handingOf(
  serving: Serving,
  ids: IdSealer,
  { bookEnd, bookResults }: Charging,
): { readonly handing?: Handing } {
  const { route, reply } = serving;
  if (route.reply === "bytes") {
    const taking = bookResults === null ? reply : holdResults(reply, bookResults);
    return { handing: { reply: taking, form: "bytes" } };
  }
  if (!asksForStream(serving)) return {};
  return { handing: { reply: retellStream(serving, ids, bookEnd), form: "events" } };
}

/** The account as the call's record names it. */
export function noteAttempt(serving: Serving, account: Account, model: string): void {
  const { channel, credential, groupSymbol } = account;
  const group = serving.snapshot.groups.get(groupSymbol);
  serving.tally.attempted({
    channel,
    credential,
    group,
    groupSymbol,
    model,
    billedModel: model,
    wish: null,
  });
}
