/** Whose limits a call and each of its attempts take from. */
import type { HeaderForm, LimitSubject } from "../limit/limits.ts";
import type { Candidate } from "../route/plan.ts";
import type { Snapshot } from "../sync/entities.ts";
import type { CallRequest } from "../wire/call.ts";
import type { Caller } from "../wire/caller.ts";

function subject(
  kind: LimitSubject["kind"],
  id: string,
  rules: LimitSubject["rules"] = [],
): readonly LimitSubject[] {
  return rules.length === 0 ? [] : [{ kind, id, rules }];
}

/** Of the call, whoever answers; empty where nothing limits it. */
export function callSubjects(
  caller: Caller,
  snapshot: Snapshot,
  model: string,
): readonly LimitSubject[] {
  return [
    subject("key", String(caller.keyId), caller.key.limits),
    subject("user", String(caller.userId), caller.user.limits),
    subject("group", caller.group, snapshot.groups.get(caller.group)?.limits),
    subject("model", model, snapshot.models.get(model)?.limits),
  ].flat();
}

/** Of one attempt: its channel's, and its credential's within it. */
export function attemptSubjects({ channel, credential }: Candidate): readonly LimitSubject[] {
  const own = subject("channel", String(channel.id), channel.limits);
  if (credential === null) return own;
  return [...own, ...subject("credential", String(credential.id), channel.credentialLimits)];
}

/** Whose names the headers of limits bear: each API has its own. */
export function headerForm({ dialect }: Pick<CallRequest, "dialect">): HeaderForm {
  return dialect === "anthropic-messages" ? dialect : "standard";
}
