/** A caller that goes away in the midst of an answer. */
import { request } from "node:http";
import { type Yard, testKey } from "./call-harness.ts";

export interface Left {
  readonly path: string;
  readonly body: object;
  /** Where nothing is to be seen: resolves when the caller may go. */
  readonly received?: () => Promise<void>;
}

/** Asks and leaves once a text has come down; null: once `received` says so. */
export function leaveAfter(yard: Yard, text: string | null, left: Left): Promise<void> {
  return new Promise((resolve, reject) => {
    let all = "";
    const call = request(yard.url + left.path, {
      method: "POST",
      headers: { authorization: `Bearer ${testKey}`, "content-type": "application/json" },
    });
    const leave = (): void => {
      call.destroy();
      resolve();
    };
    call.on("response", (response) => {
      response.on("data", (piece: Buffer) => {
        all += piece.toString();
        if (text !== null && all.includes(text)) leave();
      });
      response.on("error", () => undefined);
    });
    call.on("error", (error) => (call.destroyed ? undefined : reject(error)));
    call.end(JSON.stringify(left.body));
    if (text === null) left.received?.().then(leave, reject);
  });
}
