/** Whose limits a call and each of its attempts take from. */
import type { HeaderForm, LimitSubject } from "../../limit/limits.ts";
import type { Candidate } from "../../route/plan.ts";
import type { Snapshot } from "../../sync/entities.ts";
import type { CallRequest } from "../../wire/call.ts";
import type { Caller } from "../../wire/caller.ts";

/** Of the call, whoever answers; empty where nothing limits it. */
export function callSubjects(
  caller: Caller,
  snapshot: Snapshot,
  model: string,
): readonly LimitSubject[] {
  const subjects: LimitSubject[] = [];
  add(subjects, "key", caller.keyId, caller.key.limits);
  add(subjects, "user", caller.userId, caller.user.limits);
  add(subjects, "group", caller.group, snapshot.groups.get(caller.group)?.limits);
  add(subjects, "model", model, snapshot.models.get(model)?.limits);
  return subjects;
}

/** Of one attempt: its channel's, and its credential's within it. */
export function attemptSubjects({ channel, credential }: Candidate): readonly LimitSubject[] {
  const subjects: LimitSubject[] = [];
  add(subjects, "channel", channel.id, channel.limits);
  if (credential !== null) add(subjects, "credential", credential.id, channel.credentialLimits);
  return subjects;
}

function add(
  subjects: LimitSubject[],
  kind: LimitSubject["kind"],
  id: string | number,
  rules: LimitSubject["rules"] | undefined,
): void {
  if (rules !== undefined && rules.length > 0) subjects.push({ kind, id: String(id), rules });
}

/** Whose names the headers of limits bear: each API has its own. */
export function headerForm({ dialect }: Pick<CallRequest, "dialect">): HeaderForm {
  return dialect === "anthropic-messages" ? dialect : "standard";
}
