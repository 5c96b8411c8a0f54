/** Results of what still ran when they were asked for. Promise kept here: not a byte of them is told before they are charged. */
import type { Taking } from "../accounts/ask-vendor.ts";
import type { Reply } from "../exchange/reply.ts";

/** `charge`: asked once, with the first byte; where it rejects nothing is told. */
export function holdResults(reply: Reply, charge: () => Promise<void>): Taking {
  let begin = (): void => undefined;
  /** What waits for the charge, one behind the other. */
  let waiting: Promise<void> | undefined;
  let isOpen = false;
  const open = (): void => {
    begin();
    isOpen = true;
  };
  return {
    begin: (headers) => void (begin = () => reply.begin(headers)),
    beginBytes: (headers) => void (begin = () => reply.beginBytes(headers)),
    fail: (error) => reply.fail(error),
    write: (bytes) => {
      if (isOpen && waiting === undefined) return reply.write(bytes);
      const told = (waiting ?? charge().then(open)).then(() => reply.write(bytes));
      waiting = told;
      return told.then(() => {
        if (waiting === told) waiting = undefined;
      });
    },
    end: () => {
      if (!isOpen) open();
      reply.end();
    },
  };
}
