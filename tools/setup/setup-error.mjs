// A fault of the set-up whose message is all a person needs: what is wrong and how to mend it.
export class SetupError extends Error {
  name = "SetupError";
}
