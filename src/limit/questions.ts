/**
 * Calls that ask the shared counters. Promise: all of one turn go together, so that hundreds at once do not hold each other
 * up.
 */
import type { CallAnswer, TakeEntry } from "../store/redis-limits.ts";
import type { Limit } from "./limit-state.ts";

/** What is asked for a limit. */
export interface Asked {
  readonly limit: Limit;
  readonly entry: TakeEntry;
}

/** A call's question, and who waits for the answer; undefined: there was none. */
export interface Question {
  readonly asked: readonly Asked[];
  readonly answer: (answer: CallAnswer | undefined) => void;
}

/** Few enough that Redis is not held up by one message. */
const callsPerMessage = 100;

export interface Questions {
  add(asked: readonly Asked[]): Promise<CallAnswer | undefined>;
}

export function collectQuestions(send: (questions: readonly Question[]) => void): Questions {
  const waiting: Question[] = [];
  const sendAll = (): void => {
    const questions = waiting.splice(0);
    for (let at = 0; at < questions.length; at += callsPerMessage)
      send(questions.slice(at, at + callsPerMessage));
  };
  return {
    add: (asked) =>
      new Promise((answer) => {
        waiting.push({ asked, answer });
        if (waiting.length === 1) setImmediate(sendAll);
      }),
  };
}
