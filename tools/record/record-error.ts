/** What went wrong, told to whoever records; 2: the command line was wrong. */
export class RecordError extends Error {
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
