/** Turns what a DSN says of encryption into Node's TLS options, for each try that its mode calls for. */
import { readFileSync } from "node:fs";
import type { TlsPlan } from "../database-target.ts";
import { DsnError } from "../database-target.ts";

export interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
}

/** How one connection attempt is made: without encryption, or with these options. */
export type TlsAttempt = { readonly encrypted: false } | { readonly encrypted: true };

/** Attempts in the order in which the mode makes them; the next one only when the server refused this kind. */
export function tlsAttempts(plan: TlsPlan): readonly TlsAttempt[] {
  if (plan.mode === "off") return [{ encrypted: false }];
  if (plan.mode === "allow") return [{ encrypted: false }, { encrypted: true }];
  if (plan.mode === "prefer") return [{ encrypted: true }, { encrypted: false }];
  return [{ encrypted: true }];
}

/** Reads the files a plan names, anew for each connection since certificates are renewed; throws DsnError. */
export function readTlsFiles(plan: TlsPlan): TlsFiles {
  const read = (parameter: string, path: string): string => {
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      const code = (error as { code?: string }).code ?? "unreadable";
      throw new DsnError(`${parameter}: cannot read ${path} (${code})`);
    }
  };
  return {
    ...(plan.caFile !== undefined && { ca: read("the root certificate", plan.caFile) }),
    ...(plan.certFile !== undefined && { cert: read("the client certificate", plan.certFile) }),
    ...(plan.keyFile !== undefined && { key: read("the client key", plan.keyFile) }),
    ...(plan.keyPassword !== undefined && { passphrase: plan.keyPassword }),
  };
}
