/** Asks the account in which what a request names lies, and tells its owner of it in ids of its own. */
import { splice } from "../core/json.ts";
import { downHeaders, retryAfterS } from "../upstream/headers.ts";
import { type Handing, type VendorAnswer, type VendorRequest, askVendor } from "./ask-vendor.ts";
import { AllFailed } from "./attempts.ts";
import type { Account } from "./choose-account.ts";
import { refusedReply } from "./failure.ts";
import { getAccount } from "./find-account.ts";
import { keepBooks, strikeOut } from "./keep-books.ts";
import { joinPins } from "./pin.ts";
import { withoutSecret } from "./refused-reply.ts";
import { refuseUnmeteredJob } from "./refuse-unmetered.ts";
import { ReplySealer } from "./reply-sealer.ts";
import { readResourceBody } from "./resource-body.ts";
import { type Serving, sealerOf } from "./resource-call.ts";
import { openPath } from "./resource-ids-of-path.ts";
import { withSealed } from "./seal-ids.ts";

/** Throws what is to be told: `not_found`, `invalid_request`, faults of the upstream. */
export async function askAccount(serving: Serving): Promise<void> {
  const { request, route, caller, opener, reply } = serving;
  refuseUnmeteredJob(route, serving.budgeted);
  const path = openPath(request, route, opener);
  const body = readResourceBody(request, route, caller, opener);
  const pin = body.pin === null ? path.pin : joinPins(path.pin, body.pin, "body");
  const account = getAccount(serving, { pin, path, body });
  noteAttempt(serving, account, body.models[0] ?? "");
  const opened = new Map([...path.opened, ...body.opened]);
  const sealer = sealerOf(serving, account);
  const ask: VendorRequest = {
    account,
    method: route.method,
    tail: path.tail,
    query: path.query,
    body: body.render(account.channel),
    accept: route.reply === "bytes" ? "*/*" : "application/json",
  };
  const handed = handingOf(serving, new ReplySealer(sealer));
  const answer = await askVendor(ask, { ...serving.parts, caller: request, ...handed });
  if (answer === undefined) return;
  const secret = account.credential?.secret ?? "";
  if (answer.status < 200 || answer.status > 299) {
    await strikeOut(serving, path, answer.status);
    throw refused(serving, answer, withSealed(withoutSecret(answer.body, secret), opened));
  }
  const told = splice(answer.body, sealer.edits(answer.body));
  const warning = await keepBooks(serving, path, told);
  const length = { "content-length": String(told.length) };
  const headers = { ...downHeaders(answer.received), ...warning, ...length };
  reply.whole({ status: answer.status, headers, body: told });
}

function handingOf(
  { route, request, reply, dialect }: Serving,
  sealer: ReplySealer,
): { readonly handing?: Handing } {
  if (route.reply === "bytes") return { handing: { reply, form: "bytes" } };
  if (route.reply === "json" || request.query["stream"] !== "true") return {};
  const read = dialect.makeEventReader();
  return { handing: { reply, form: (event) => sealer.event(event, read(event), []) } };
}

function noteAttempt(serving: Serving, account: Account, model: string): void {
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

/** The vendor's refusal, passed on where it may be. */
function refused({ dialect, parts }: Serving, answer: VendorAnswer, body: Buffer): AllFailed {
  const { status, received } = answer;
  const told = dialect.readError(body);
  const headers = downHeaders(received);
  const waitS = retryAfterS(received, parts.clock.now());
  return new AllFailed(refusedReply({ status, told, body, headers, retryAfterS: waitS }));
}
