/** Asks the account in which what a request names lies, and tells its owner of it in ids of its own. */
import { splice } from "../../core/json.ts";
import { downHeaders } from "../../upstream/headers.ts";
import { getAccount } from "./find-account.ts";
import { bookBefore, bookEnd, bookResults, bookTold } from "./booked.ts";
import { keepBooks, strikeOut } from "./keep-books.ts";
import { idOf, parseDocument } from "../accounts/parse-document.ts";
import { orderBatch } from "./order-batch.ts";
import { joinPins } from "../ids/pin.ts";
import { refusedThing } from "./refused-thing.ts";
import { refuseUnmeteredJob } from "./refuse-unmetered.ts";
import { readResourceBody } from "./resource-body.ts";
import { type Serving, sealerOf } from "./resource-call.ts";
import { sendAsk } from "./send-ask.ts";
import { openPath } from "./resource-ids-of-path.ts";
import { handingOf, noteAttempt, requestOf } from "./thing-request.ts";

/** Throws what is to be told: `not_found`, `invalid_request`, faults of the upstream. */
export async function askAccount(serving: Serving): Promise<void> {
  const { request, route, caller, opener, reply } = serving;
  refuseUnmeteredJob(route, serving);
  const path = openPath(request, route, opener);
  const body = readResourceBody(request, route, caller, opener);
  const pin = body.pin === null ? path.pin : joinPins(path.pin, body.pin, "body");
  const account = getAccount(serving, { pin, path, body });
  noteAttempt(serving, account, body.models[0] ?? "");
  const opened = new Map([...path.opened, ...body.opened]);
  const sealer = sealerOf(serving, account);
  const ask = requestOf(serving, account, { path, body });
  const order = await orderBatch(serving, ask, body.models);
  const isCharged = await bookBefore(serving, account, path);
  const handed = handingOf(serving, sealer, {
    bookEnd: (told) => bookEnd(serving, account, { path, told }),
    bookResults: isCharged ? null : () => bookResults(serving, account, path),
  });
  const answer = await sendAsk(serving, ask, { ...handed, begins: order !== undefined });
  if (answer === undefined) return;
  if (answer.status < 200 || answer.status > 299) {
    await strikeOut(serving, path, answer.status);
    throw refusedThing(serving, account, { answer, opened });
  }
  await bookTold(serving, path, answer.body);
  const made = order && idOf(parseDocument(answer.body));
  if (made !== undefined && order !== undefined) serving.tally.began(order.begun(made));
  const told = splice(answer.body, sealer.edits(answer.body));
  const warning = await keepBooks(serving, path, told);
  const length = { "content-length": String(told.length) };
  const headers = { ...downHeaders(answer.received), ...warning, ...length };
  reply.whole({ status: answer.status, headers, body: told });
}
