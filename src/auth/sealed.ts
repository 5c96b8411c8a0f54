/** Whether the gateway has been set up. Once an account was seen, one always remains: then nobody is asked again. */
import { GatewayError } from "../core/errors.ts";

/** Makes the check; the answered function throws `temporarily_unavailable` when it cannot be known. */
export function makeSealedCheck(
  hasUsers: () => Promise<boolean>,
): () => boolean | Promise<boolean> {
  let opened = false;
  return () => {
    if (opened) return false;
    return hasUsers().then(
      (found) => {
        opened = found;
        return !found;
      },
      (cause: unknown) => {
        throw new GatewayError(
          "temporarily_unavailable",
          "The database cannot be asked at the moment",
          { cause, retryAfterS: 2 },
        );
      },
    );
  };
}
