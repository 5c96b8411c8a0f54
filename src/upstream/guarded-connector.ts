/** Opens connections past the address guard: names are judged once resolved, literal addresses and the peer once more. */
import { buildConnector } from "undici";
import { type IsForbidden, forbiddenAddress, makeGuardedLookup } from "./address-guard.ts";

/** What a guarded connection is opened with. */
export function guardedOptions(
  isForbidden: IsForbidden,
  connectMs: number,
): buildConnector.BuildOptions {
  const options = { lookup: makeGuardedLookup(isForbidden), allowH2: false, timeout: connectMs };
  // The connector hands on what net.connect takes, though its type asks for a port here.
  return options as unknown as buildConnector.BuildOptions;
}

/** Opens TCP or TLS connections; `httpSocket` in place of a new one lays TLS over a tunnel. */
export function makeGuardedConnector(
  isForbidden: IsForbidden,
  connectMs: number,
): buildConnector.connector {
  const connect = buildConnector(guardedOptions(isForbidden, connectMs));
  return (options, callback) => {
    // A literal address is never looked up, so it is judged here.
    if (isForbidden(options.hostname)) return callback(forbiddenAddress(options.hostname), null);
    connect(options, (...outcome) => {
      const [, socket] = outcome;
      if (socket == null || !isForbidden(socket.remoteAddress ?? "")) return callback(...outcome);
      socket.destroy();
      callback(forbiddenAddress(options.hostname), null);
    });
  };
}
