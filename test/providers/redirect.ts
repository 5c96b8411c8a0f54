/**
 * Leads requests to an upstream on this machine, whatever their URL: the URL that was meant becomes the path there. So a
 * channel keeps its provider's own addresses, and the upstream sees host and path as the vendor would.
 */
import type { Upstream } from "../../src/upstream/upstream.ts";

/** `POST https://api.example/v1/x` arrives as `POST /https://api.example/v1/x`. */
export function redirectTo(origin: () => string): (real: Upstream) => Upstream {
  return (real) => ({
    send: (request, receiver) =>
      real.send({ ...request, url: `${origin()}/${request.url}` }, receiver),
    close: () => real.close(),
  });
}
