/** A script for agents: reads a file by whatever shell tool the agent offers, then tells what the tool told. */
import type { Heard, OfferedTool, Said } from "../fakes/scripted/turn.ts";
import { asObject } from "../fakes/scripted/turn.ts";

const command = "cat proof.txt";

function shellCall(tool: OfferedTool): NonNullable<Said["calls"]>[number] {
  const properties = asObject(tool.schema["properties"]);
  const values: Record<string, unknown> = {};
  for (const name of ["command", "cmd"]) {
    if (!(name in properties)) continue;
    const isList = asObject(properties[name])["type"] === "array";
    values[name] = isList ? ["bash", "-lc", command] : command;
  }
  if ("description" in properties) values["description"] = "Read the proof";
  return { name: tool.name, arguments: values };
}

/** What a model would do that was asked to read proof.txt. */
export function shellTurn(heard: Heard): Said {
  const [result] = heard.toolResults;
  if (result !== undefined) {
    const proof = /PROOF-[\w-]+/.exec(heard.toolResults.join("\n"))?.[0];
    return { text: proof === undefined ? `no proof in: ${result}` : `It says ${proof}.` };
  }
  const shell = heard.tools.find((tool) =>
    /^(bash|shell|exec_command|shell_command|local_shell|run_shell_command)$/i.test(tool.name),
  );
  if (shell === undefined || heard.toolChoice === "none") return { text: "Nothing to do." };
  return {
    reasoning: "The file has to be read first.",
    text: "I will read it.",
    calls: [shellCall(shell)],
  };
}
