/** A request on what outlives a call, as it goes up, and where its reply goes. */
import type { Handing, VendorRequest } from "../accounts/ask-vendor.ts";
import type { Account } from "../accounts/choose-account.ts";
import { ReplySealer } from "../replies/reply-sealer.ts";
import type { ResourceBody } from "./resource-body.ts";
import type { Serving } from "./resource-call.ts";
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

/** Where a reply goes that is not to be read whole. */
export function handingOf(
  { route, request, reply, dialect }: Serving,
  ids: IdSealer,
): { readonly handing?: Handing } {
  if (route.reply === "bytes") return { handing: { reply, form: "bytes" } };
  if (route.reply === "json" || request.query["stream"] !== "true") return {};
  const sealer = new ReplySealer(ids);
  const read = dialect.makeEventReader();
  return { handing: { reply, form: (event) => sealer.event(event, read(event), []) } };
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
