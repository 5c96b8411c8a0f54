/** An attempt that is ready to be sent, and by whom it is. */
import type { Authorizer } from "../../upstream/authorizer.ts";
import type { Upstream, UpstreamRequest } from "../../upstream/upstream.ts";
import type { Attempt } from "./ending.ts";

/** An attempt with the request that it sends, which lacks only its credential. */
export interface PreparedAttempt {
  readonly attempt: Attempt;
  readonly request: UpstreamRequest;
}

export interface SendingParts {
  readonly upstream: Upstream;
  readonly authorizer: Authorizer;
}
