/** A vendor's refusal of a request on what outlives a call, passed on where it may be. */
import { downHeaders, retryAfterS } from "../../upstream/headers.ts";
import type { VendorAnswer } from "../accounts/ask-vendor.ts";
import { AllFailed } from "../attempts/attempts.ts";
import { refusedReply } from "../exchange/failure.ts";
import type { Account } from "../accounts/choose-account.ts";
import { withoutSecret } from "../replies/refused-reply.ts";
import { withSealed } from "../ids/seal-ids.ts";
import type { Serving } from "./resource-call.ts";

/** `opened`: ids as the caller knows them, by the vendor's. The vendor may repeat both, and the credential. */
export function refusedThing(
  { dialect, parts }: Serving,
  { credential }: Account,
  {
    answer,
    opened,
  }: { readonly answer: VendorAnswer; readonly opened: ReadonlyMap<string, string> },
): AllFailed {
  const { status, received } = answer;
  const body = withSealed(withoutSecret(answer.body, credential?.secret ?? ""), opened);
  const told = dialect.readError(body);
  const headers = downHeaders(received);
  const waitS = retryAfterS(received, parts.clock.now());
  return new AllFailed(refusedReply({ status, told, body, headers, retryAfterS: waitS }));
}
