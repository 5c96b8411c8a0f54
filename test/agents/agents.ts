/** How each real agent is run against a URL, offline and with a home of its own. Facts from the agents' documentation. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { arch, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const packages = join(dirname(fileURLToPath(import.meta.url)), "node_modules");

export interface Target {
  /** Of the gateway, without a path. */
  readonly url: string;
  readonly key: string;
  readonly model: string;
}

interface Prepared {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Written into the throw-away home before the start. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface Agent {
  readonly id: string;
  /** File without which the agent is not installed. */
  readonly program: string;
  prepare(target: Target, prompt: string): Prepared;
}

const claudeProgram = join(packages, `@anthropic-ai/claude-code-linux-${arch()}/claude`);
const codexProgram = join(
  packages,
  `@openai/codex-linux-${arch()}/vendor/x86_64-unknown-linux-musl/bin/codex`,
);
const geminiProgram = join(packages, "@google/gemini-cli/bundle/gemini.js");
const opencodeProgram = join(packages, `opencode-linux-${arch()}/bin/opencode`);

const claudeCode: Agent = {
  id: "Claude Code",
  program: claudeProgram,
  prepare: ({ url, key, model }, prompt) => ({
    command: [
      claudeProgram,
      "-p",
      prompt,
      "--model",
      model,
      "--output-format",
      "json",
      "--allowedTools",
      "Bash",
    ],
    env: {
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_API_KEY: key,
      ANTHROPIC_SMALL_FAST_MODEL: model,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_AUTOUPDATER: "1",
      DISABLE_TELEMETRY: "1",
    },
  }),
};

/** `providerLines`: further settings of the provider in the agent's configuration. */
const codexWith = (id: string, providerLines: readonly string[]): Agent => ({
  id,
  program: codexProgram,
  prepare: ({ url, key, model }, prompt) => ({
    command: [
      codexProgram,
      "exec",
      "--skip-git-repo-check",
      "--json",
      "--dangerously-bypass-approvals-and-sandbox",
      "-m",
      model,
      prompt,
    ],
    env: { GW_KEY: key },
    files: {
      ".codex/config.toml": `model_provider = "gw"
[model_providers.gw]
name = "gateway"
base_url = "${url}/v1"
env_key = "GW_KEY"
wire_api = "responses"
${providerLines.map((line) => `${line}\n`).join("")}`,
    },
  }),
});

const codex = codexWith("Codex", []);

/** Prepares and asks over one WebSocket, and sends only what is new with each turn. */
export const codexOverSocket = codexWith("Codex over a WebSocket", ["supports_websockets = true"]);

const geminiCli: Agent = {
  id: "Gemini CLI",
  program: geminiProgram,
  prepare: ({ url, key, model }, prompt) => ({
    command: [
      process.execPath,
      geminiProgram,
      "-p",
      prompt,
      "--skip-trust",
      "--yolo",
      "-m",
      model,
      "--output-format",
      "json",
    ],
    env: { GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: key, GEMINI_TELEMETRY_ENABLED: "false" },
    files: {
      ".gemini/settings.json": JSON.stringify({
        security: { auth: { selectedType: "gemini-api-key" } },
        privacy: { usageStatisticsEnabled: false },
        general: { disableAutoUpdate: true },
      }),
    },
  }),
};

const opencode: Agent = {
  id: "opencode",
  program: opencodeProgram,
  prepare: ({ url, key, model }, prompt) => ({
    command: [opencodeProgram, "run", "--model", `gw/${model}`, prompt],
    env: { OPENCODE_DISABLE_MODELS_FETCH: "1", OPENCODE_DISABLE_AUTOUPDATE: "1" },
    files: {
      "work/opencode.json": JSON.stringify({
        permission: "allow",
        provider: {
          gw: {
            npm: "@ai-sdk/openai-compatible",
            name: "gateway",
            options: { baseURL: `${url}/v1`, apiKey: key },
            models: { [model]: { name: model, tool_call: true } },
          },
        },
      }),
    },
  }),
};

/** Keyed by the API they speak. */
export const agents = { messages: claudeCode, responses: codex, gemini: geminiCli, chat: opencode };

export interface AgentRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Whether the agent's package is installed. */
export function isInstalled(agent: Agent): boolean {
  return existsSync(agent.program);
}

/** Runs an agent to its end in a fresh home whose `work` folder holds the given files. Killed after the deadline. */
export async function runAgent(
  agent: Agent,
  target: Target,
  task: { readonly prompt: string; readonly files: Readonly<Record<string, string>> },
  deadlineMs = 60_000,
): Promise<AgentRun> {
  const home = mkdtempSync(join(tmpdir(), "agent-"));
  const { command, env, files = {} } = agent.prepare(target, task.prompt);
  const work = Object.entries(task.files).map(([path, text]) => [`work/${path}`, text] as const);
  for (const [path, text] of [...Object.entries(files), ...work]) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), text);
  }
  mkdirSync(join(home, "work"), { recursive: true });
  const [program = "", ...rest] = command;
  const child = spawn(program, rest, {
    cwd: join(home, "work"),
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: home,
      TMPDIR: home,
      LANG: "C.UTF-8",
      NO_PROXY: "127.0.0.1",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
    // Its own group, so that what it started ends with it.
    detached: true,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (piece: Buffer) => (stdout += piece.toString()));
  child.stderr.on("data", (piece: Buffer) => (stderr += piece.toString()));
  const endGroup = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // All of it has ended already.
    }
  };
  const timer = setTimeout(endGroup, deadlineMs);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  clearTimeout(timer);
  endGroup();
  rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  return { code, stdout, stderr };
}
