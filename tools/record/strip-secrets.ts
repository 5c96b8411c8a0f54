/**
 * Takes out of recorded text whatever tells of the account it was recorded with.
 * Promise kept here: a credential, or a part of one, never reaches a file; where one is left, nothing is written.
 */
import { RecordError } from "./record-error.ts";

/** What is replaced, longest first. */
export interface Replacement {
  readonly secret: string;
  readonly by: string;
}

/** Names and ids of accounts as vendors tell them in bodies and messages. */
const patterns: readonly (readonly [RegExp, string])[] = [
  [/\b(sk|pk|rk|gsk|xai|tvly|pplx|hf|r8|nvapi|csk|fw|key)[-_][A-Za-z0-9_*-]{12,}/g, "$1-redacted"],
  [/\bAIza[\w-]{20,}/g, "AIza-redacted"],
  [/\bya29\.[\w.-]+/g, "ya29.redacted"],
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+/g, "eyJ-redacted"],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{12,}/g, "AKIA-redacted"],
  [/\borg-[A-Za-z0-9]{8,}/g, "org-redacted"],
  [/\bproj_[A-Za-z0-9]{8,}/g, "proj_redacted"],
  [/\buser-[A-Za-z0-9]{16,}/g, "user-redacted"],
  [/(?<=arn:aws[\w-]*:[\w-]*:[\w-]*:)\d{12}/g, "000000000000"],
  [/(?<=\bprojects\/)\d{6,}/g, "000000000000"],
  [/[\w.+-]+@[\w-]+\.[\w.-]*[A-Za-z]/g, "someone@example.com"],
];

/** A credential's parts that must not be seen: itself, its fields, what stands between its bars. */
export function secretsOf(credential: string): string[] {
  const parts = [credential, ...credential.split("|"), ...fieldsOf(credential)];
  return [...new Set(parts.map((part) => part.trim()))].filter((part) => part.length >= 6);
}

function fieldsOf(credential: string): string[] {
  if (!credential.startsWith("{")) return [];
  try {
    const fields = JSON.parse(credential) as Record<string, unknown>;
    return Object.entries(fields).flatMap(([name, value]) =>
      // What is the same in every key file tells nothing.
      typeof value === "string" && !/^(type|.*_uri|.*_url|universe_domain)$/.test(name)
        ? [value]
        : [],
    );
  } catch {
    return [];
  }
}

export function strip(text: string, replacements: readonly Replacement[]): string {
  let stripped = text;
  for (const { secret, by } of replacements.toSorted(
    (left, right) => right.secret.length - left.secret.length,
  ))
    stripped = stripped.replaceAll(secret, by);
  for (const [pattern, by] of patterns) stripped = stripped.replaceAll(pattern, by);
  return stripped;
}

/** Throws where a secret is left, in any of the forms in which it could be. */
export function demandClean(text: string, secrets: readonly string[]): void {
  for (const secret of secrets) {
    const forms = [
      secret,
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
      Buffer.from(secret).toString("base64").replace(/=+$/, ""),
    ];
    if (forms.some((form) => text.includes(form)))
      throw new RecordError(
        "the recording still holds a part of the credential; nothing was written",
      );
  }
}
