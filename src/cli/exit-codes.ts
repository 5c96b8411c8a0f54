/** How a command ends. The numbers are part of the interface: scripts test them, so they never change meaning. */

export const exitCodes = {
  /** Done. */
  ok: 0,
  /** The node refused, a check failed, or a change is not everywhere yet. */
  failed: 1,
  /** The command line, a file it names, or the configuration is wrong. */
  usage: 2,
  /** The node did not answer. */
  notReachable: 3,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends a command with a code and the lines that tell why; the first line is shown after `error:`. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode;
  readonly details: readonly string[];

  constructor(exitCode: ExitCode, message: string, details: readonly string[] = []) {
    super(message);
    this.name = "CommandFailure";
    this.exitCode = exitCode;
    this.details = details;
  }
}
