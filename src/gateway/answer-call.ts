/** The steps of a call whose caller is known: parse, admit, route, set aside, attempt, meter. */
import { checkModelAllowed } from "../auth/model-allowed.ts";
import type { Clock } from "../core/clock.ts";
import type { Telling } from "../dialects/contract.ts";
import { parseModelWish } from "../route/model-wish.ts";
import type { Candidate } from "../route/plan.ts";
import { type RoutePlan, planCall } from "../route/pinned-plan.ts";
import { type AttemptParts, type LoopParts, attemptUntilAnswered } from "./attempts/attempts.ts";
import { type StateParts, beginCall } from "./state/call-state.ts";
import { answerCount, countedHere, countsLocally } from "./attempts/count-locally.ts";
import { DecodedRequest } from "./exchange/decoded-request.ts";
import type { Answered, Call } from "./exchange/ending.ts";
import { upstreamRunsInBackground } from "./responses/keep-there.ts";
import type { JobDesk } from "./jobs/job-desk.ts";
import { notMetered } from "./resources/refuse-unmetered.ts";
import { beginResponseJob, endedResponseJob } from "./jobs/response-job.ts";
import type { ResourceCall } from "./resources/resource-call.ts";
import { servesCall } from "./models/serves-call.ts";
import type { Tally } from "./money/tally.ts";
import { openUploadCall } from "./exchange/upload-call.ts";

export interface AnswerParts extends AttemptParts {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** What reaches beyond calls; left out: nothing is sealed, opened or kept. */
  readonly state?: StateParts;
  /** Charges what goes on after its call; left out: nobody does. */
  readonly jobs?: JobDesk;
}

/** A call whose caller is known. */
export interface KnownCall extends Omit<ResourceCall, "tally"> {
  readonly tally: Tally;
  readonly telling: Telling;
}

/** Rejects with what the caller is to be told. */
export async function answerCall(known: KnownCall, parts: AnswerParts): Promise<void> {
  const { request, dialect, caller, snapshot, reply, tally, spending, telling } = known;
  const { clock, health, random } = parts;
  const opening = openUploadCall(request);
  const upload = opening === null ? null : await opening;
  const told = upload === null ? dialect.parse(request) : upload.facts;
  const { model, wish } = parseModelWish(told.model);
  const asked = wish === null ? told : { ...told, model };
  tally.parsed(asked);
  checkModelAllowed(caller, model);
  tally.admitted(spending);
  const kinds = dialect.requestKinds?.(request.operation, request.body);
  spending?.asked(asked, () => dialect.textBytes(request.body), kinds);
  await spending?.admit(model, (headers) => reply.addHeaders(headers));
  health.keepOnly(snapshot.channels);
  const begin = { request, dialect, facts: asked, caller, settings: snapshot.settings, clock };
  const beginning = beginCall(begin, upload === null ? parts.state : undefined);
  const begun = beginning instanceof Promise ? await beginning : beginning;
  const { facts } = begun;
  const serves = servesCall(begun);
  const routing = { snapshot, caller, model, health, random, serves };
  const plan = planCall(routing, begun.state?.pin ?? null);
  const isJob = upstreamRunsInBackground(begun);
  if (isJob && parts.jobs === undefined && spending?.budgeted === true)
    throw notMetered("A response in the background");
  if (isJob) spending?.beginsJob();
  await spending?.reserve();
  if (facts.stream) reply.keepAwake();
  const decoded = new DecodedRequest({ ...begun, dialect });
  const call = { ...begun, dialect, wish, decoded, upload, telling, reply, clock };
  const ending = await deliver(call, plan, {
    ...parts,
    settings: snapshot.settings,
    spending,
    onAttempt: (candidate) => tally.attempted(candidate),
    onJob: ({ runsOn, ranThere }, candidate) => {
      const job = { caller, snapshot, atMs: known.admittedAtMs };
      if (runsOn !== undefined)
        tally.began(beginResponseJob(runsOn, candidate, { ...job, spending }));
      else if (ranThere !== undefined) tally.began(endedResponseJob(ranThere, candidate, job));
    },
  });
  tally.answered(ending, () => decoded.textBytes(), kinds);
}

interface DeliverParts extends LoopParts {
  /** The answer goes on at the vendor, or went on there to its end. */
  readonly onJob: (ending: Answered, candidate: Candidate) => void;
}

async function deliver(call: Call, plan: RoutePlan, parts: DeliverParts): Promise<Answered> {
  try {
    const { ending, candidate } = await attemptUntilAnswered(call, plan, parts);
    parts.onJob(ending, candidate);
    return ending;
  } catch (thrown) {
    if (call.request.operation !== "count-tokens" || !countsLocally(thrown)) throw thrown;
    call.reply.whole(await answerCount(call));
    return countedHere;
  }
}
