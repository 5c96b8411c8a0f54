/** Which of the caller's `anthropic-beta` words go up, and where: a provider that does not know one refuses the call. */
import type { Endpoint, Provider } from "../../providers/contract.ts";
import type { HeaderMap } from "../../wire/call.ts";

export interface Betas {
  /** The header's value in place of the caller's (empty: no header); undefined: the caller's own stays. */
  readonly header: string | undefined;
  /** For the body; null: they do not travel there. */
  readonly inBody: readonly string[] | null;
}

const untouched: Betas = { header: undefined, inBody: null };

export function betasFor(
  provider: Pick<Provider, "betas">,
  endpoint: Pick<Endpoint, "dialect" | "betasInBody">,
  caller: HeaderMap,
): Betas {
  const given = caller["anthropic-beta"];
  if (given === undefined || endpoint.dialect !== "anthropic-messages") return untouched;
  if (provider.betas === undefined && endpoint.betasInBody === undefined) return untouched;
  const words = given
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "" && (provider.betas?.includes(word) ?? true));
  if (endpoint.betasInBody === undefined) return { header: words.join(","), inBody: null };
  return { header: "", inBody: words.length === 0 ? null : words };
}
