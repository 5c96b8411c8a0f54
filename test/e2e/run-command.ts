/** The command line in this process: the same program with the same parts as the real one, its words caught. */
import assert from "node:assert/strict";
import { makeProgram } from "../../src/cli/program.ts";

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

export type Environment = Readonly<Record<string, string>>;

/** Commands that speak to the management API alone; `env` is all that they see of the environment. */
export async function runCommand(
  line: readonly string[],
  env: Environment,
  input = "",
): Promise<Ran> {
  const out: string[] = [];
  const error: string[] = [];
  const elsewhere = (): never => assert.fail("this command runs in a process of its own");
  const program = makeProgram({
    version: "test",
    environment: (name) => env[name],
    print: (text) => out.push(text),
    printError: (text) => error.push(text),
    readStdin: async () => input,
    serve: elsewhere,
    renewSetupLink: elsewhere,
    doctorProbes: elsewhere,
  });
  const code = await program.run(line);
  return { code, out: out.join("\n"), error: error.join("\n") };
}
