/**
 * Resolves names that callers choose. Promise kept here: no thread waits for a name server that a caller may own, and
 * neither the hosts file nor search domains lend such a name a meaning that only this machine knows.
 */
import { Resolver } from "node:dns/promises";

/** The addresses of a name, those of IPv4 first; none where there are none, or nobody answers in time. */
export type Resolve = (hostname: string, signal: AbortSignal) => Promise<readonly string[]>;

export const resolveName: Resolve = async (hostname, signal) => {
  const resolver = new Resolver({ timeout: 2_500, tries: 2 });
  const onAbort = (): void => resolver.cancel();
  signal.addEventListener("abort", onAbort);
  try {
    const found = await Promise.allSettled([
      resolver.resolve4(hostname),
      resolver.resolve6(hostname),
    ]);
    return found.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
};
