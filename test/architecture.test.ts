/**
 * The architecture, held by a test: who may import whom, what each room alone may do, and the size of things.
 * Read it as documentation; ARCHITECTURE.md tells the reasons.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { providers } from "../src/providers/registry.ts";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const source = join(root, "src");

/** Room → rooms it may import. A room may always import itself. Siblings of one row never import each other. */
const mayImport: Record<string, readonly string[]> = {
  core: [],
  config: ["core"],
  wire: ["core"],
  metrics: ["core"],
  dialects: ["core", "wire"],
  providers: ["core", "wire", "dialects"],
  store: ["core", "config"],
  sync: ["core", "config", "store", "metrics"],
  auth: ["core", "config", "wire", "sync", "store"],
  route: ["core", "wire", "sync", "providers"],
  meter: ["core", "wire", "sync", "store"],
  budget: ["core", "config", "wire", "store"],
  limit: ["core", "config", "wire", "store"],
  upstream: ["core", "config", "wire"],
  log: ["core", "config", "wire", "store"],
  gateway: [
    "core",
    "config",
    "wire",
    "dialects",
    "providers",
    "store",
    "sync",
    "auth",
    "route",
    "meter",
    "budget",
    "limit",
    "upstream",
    "log",
    "metrics",
  ],
  admin: ["core", "config", "store", "sync", "providers", "auth"],
  cli: ["core", "config", "admin"],
  http: [
    "core",
    "config",
    "wire",
    "sync",
    "log",
    "metrics",
    "auth",
    "dialects",
    "gateway",
    "admin",
  ],
};

/** The rooms inside the gateway, lower to higher: each may import those before it, as listed, and none above it. */
const gatewayMayImport: Record<string, readonly string[]> = {
  ids: [],
  state: ["ids"],
  exchange: ["state"],
  money: ["exchange"],
  accounts: ["ids", "exchange"],
  jobs: ["ids", "exchange", "money", "accounts"],
  responses: ["ids", "state", "exchange"],
  requests: ["exchange", "responses"],
  models: ["requests"],
  replies: ["ids", "state", "exchange", "jobs", "responses"],
  attempts: ["exchange", "money", "responses", "requests", "replies"],
  resources: [
    "ids",
    "state",
    "exchange",
    "money",
    "accounts",
    "jobs",
    "responses",
    "replies",
    "attempts",
  ],
  sockets: [
    "state",
    "exchange",
    "money",
    "requests",
    "models",
    "replies",
    "attempts",
    "serve-call.ts",
  ],
};

/** The files that make everything and join it; they may import any room. */
const joiners: ReadonlySet<string> = new Set([
  "main.ts",
  "run-node.ts",
  "join-parts.ts",
  "join-money.ts",
  "welcome.ts",
  "watch-cluster.ts",
  "probe-machine.ts",
]);

/** Package or built-in → the rooms that may use it, and why nobody else may. */
const doors: readonly {
  readonly name: RegExp;
  readonly rooms: readonly string[];
  readonly why: string;
}[] = [
  {
    name: /^(kysely|pg|pg-.*|mysql2.*|redis|@redis\/.*|node:sqlite)$/,
    rooms: ["store"],
    why: "only store/ speaks to databases",
  },
  {
    name: /^(undici|node:http2)$/,
    rooms: ["upstream", "store"],
    why: "only upstream/ opens connections to vendors; store/ does to the log store",
  },
  {
    name: /^ws$/,
    rooms: ["upstream", "http"],
    why: "sockets are opened by upstream/ and taken by http/; between them they are wire's",
  },
  { name: /^(fastify|@fastify\/.*)$/, rooms: ["http"], why: "framework types stop at http/" },
  { name: /^@prometheus-io\//, rooms: ["metrics"], why: "counters are handed in as an interface" },
  { name: /^commander$/, rooms: ["cli"], why: "the command line is one room" },
  { name: /^pino$/, rooms: [], why: "main.ts makes the one logger" },
];

/** Calls that only one place may make. */
const banned: readonly {
  readonly pattern: RegExp;
  readonly except: readonly string[];
  readonly why: string;
}[] = [
  {
    pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/,
    except: ["core/clock.ts"],
    why: "time is a parameter (Clock)",
  },
  {
    pattern: /\bset(Timeout|Interval)\(/,
    except: ["core/clock.ts", "main.ts"],
    why: "timers come from Clock",
  },
  { pattern: /\bMath\.random\(/, except: [], why: "randomness is a parameter" },
  { pattern: /\bprocess\.env\b/, except: ["config/"], why: "only config/ reads the environment" },
  { pattern: /\bconsole\./, except: [], why: "one logger, handed in" },
  {
    pattern: /(?<![.#\w])fetch\(/,
    except: ["cli/", "http/pages.ts"],
    why: "vendors are reached through upstream/ alone",
  },
  { pattern: /\bprocess\.exit\(/, except: ["main.ts"], why: "main.ts alone ends the process" },
];

const genericNames = /^(utils?|helpers?|common|types?|constants?|globals?|shared|misc|index)\.ts$/;

function files(folder: string, wanted: (path: string) => boolean): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(wanted);
}

const isTest = (path: string): boolean => path.endsWith(".test.ts");
const production = files(source, (path) => path.endsWith(".ts") && !isTest(path));
const inSource = (path: string): string => relative(source, path).split(sep).join("/");

interface Import {
  readonly from: string;
  readonly specifier: string;
}

function imports(path: string): Import[] {
  const text = readFileSync(path, "utf8");
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^;'"]*?from\s+"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)|(?:^|\n)import\s+"([^"]+)"/g,
  );
  return [...found].map((match) => ({
    from: path,
    specifier: match[1] ?? match[2] ?? match[3] ?? "",
  }));
}

const allImports = production.flatMap(imports);

/** Code without comments and string contents, so that prose about Date.now() is not taken for a call. */
function code(path: string): string {
  return readFileSync(path, "utf8")
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/(^|[^:"'`])\/\/[^\n]*/g, "$1");
}

/** `dialects/<id>/`, `admin/<noun>/schema.ts`, and the one table of paths, which http mounts. */
const listedDoors =
  /^dialects\/[^/]+\/[^/]+$|^admin\/[^/]+\/schema\.ts$|^gateway\/accounts\/resource-routes\.ts$/;

test("every room is in the import table and every entry is a room", () => {
  const rooms = readdirSync(source).filter((name) => statSync(join(source, name)).isDirectory());
  assert.deepEqual(rooms.sort(), Object.keys(mayImport).sort());
  assert.ok(production.length > 50, "the tree was found");
});

test("rooms import only what the table allows, and only through the door", () => {
  const faults: string[] = [];
  for (const { from, specifier } of allImports) {
    if (!specifier.startsWith(".")) continue;
    const [fromRoom = ""] = inSource(from).split("/");
    if (joiners.has(fromRoom)) continue;
    const target = inSource(resolve(dirname(from), specifier));
    const [room = "", ...rest] = target.split("/");
    if (room === fromRoom) continue;
    if (!(mayImport[fromRoom] ?? []).includes(room))
      faults.push(`${inSource(from)} may not import ${room} (${specifier})`);
    // A subfolder is private to its room, but for the doors that are listed here.
    const listedDoor = listedDoors.test(target);
    if (rest.length > 1 && !listedDoor) faults.push(`${inSource(from)} reaches into ${target}`);
  }
  assert.deepEqual(faults, []);
});

test("rooms inside the gateway import only lower ones", () => {
  const names = Object.keys(gatewayMayImport);
  const folder = join(source, "gateway");
  const rooms = readdirSync(folder).filter((name) => statSync(join(folder, name)).isDirectory());
  assert.deepEqual(rooms.sort(), names.toSorted());
  const faults: string[] = [];
  for (const [index, name] of names.entries())
    for (const lower of gatewayMayImport[name] ?? [])
      if (names.indexOf(lower) >= index) faults.push(`${lower} is not lower than ${name}`);
  for (const { from, specifier } of allImports) {
    const [fromRoom, inner = "", ...file] = inSource(from).split("/");
    if (fromRoom !== "gateway" || file.length === 0 || !specifier.startsWith(".")) continue;
    const [room, target = ""] = inSource(resolve(dirname(from), specifier)).split("/");
    if (room !== "gateway" || target === inner) continue;
    if (!(gatewayMayImport[inner] ?? []).includes(target))
      faults.push(`${inSource(from)} may not import ${target} (${specifier})`);
  }
  assert.deepEqual(faults, []);
});

test("no files import each other in a circle", () => {
  const targets = Map.groupBy(
    allImports.filter(({ specifier }) => specifier.startsWith(".")),
    ({ from }) => from,
  );
  const circles: string[] = [];
  const done = new Set<string>();
  const follow = (path: string, way: readonly string[]): void => {
    const at = way.indexOf(path);
    if (at >= 0) return void circles.push([...way.slice(at), path].map(inSource).join(" → "));
    if (done.has(path)) return;
    for (const { specifier } of targets.get(path) ?? [])
      follow(resolve(dirname(path), specifier), [...way, path]);
    done.add(path);
  };
  for (const path of production) follow(path, []);
  assert.deepEqual(circles, []);
});

test("each outside package has one room", () => {
  const faults: string[] = [];
  for (const { from, specifier } of allImports) {
    const [room = ""] = inSource(from).split("/");
    if (joiners.has(room)) continue;
    for (const door of doors) {
      if (door.name.test(specifier) && !door.rooms.includes(room))
        faults.push(`${inSource(from)}: ${specifier} (${door.why})`);
    }
  }
  assert.deepEqual(faults, []);
});

test("server dependencies are each justified in ARCHITECTURE.md", () => {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const page = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
  const missing = Object.keys(manifest.dependencies).filter(
    (name) => !page.includes(`\`${name}\``),
  );
  assert.deepEqual(missing, []);
  assert.ok(Object.keys(manifest.dependencies).length <= 20);
});

test("banned calls stand only where they are allowed", () => {
  const faults: string[] = [];
  for (const path of production) {
    const text = code(path);
    for (const rule of banned) {
      if (rule.except.some((allowed) => inSource(path).startsWith(allowed))) continue;
      if (rule.pattern.test(text))
        faults.push(`${inSource(path)}: ${rule.pattern.source} (${rule.why})`);
    }
  }
  assert.deepEqual(faults, []);
});

test("no module keeps state", () => {
  const faults = production.filter((path) =>
    /^(export )?(let|var) |^(export )?const \w+(: [^=]+)? = new (Map|Set|WeakMap|Array)\b/m.test(
      code(path),
    ),
  );
  assert.deepEqual(faults.map(inSource), []);
});

test("files are small and named for what they hold", () => {
  const long = production
    .filter((path) => readFileSync(path, "utf8").split("\n").length > 301)
    .map(inSource);
  assert.deepEqual(long, []);
  const generic = files(
    root,
    (path) =>
      !path.includes("node_modules") && !path.includes(".switchyard") && path.endsWith(".ts"),
  )
    .filter((path) => genericNames.test(path.split(sep).at(-1) ?? ""))
    .map((path) => relative(root, path));
  assert.deepEqual(generic, []);
});

test("each file says in its first lines what it is for", () => {
  const silent = production.filter(
    (path) => !/^(#!.*\n)?(\/\*\*|\/\/)/.test(readFileSync(path, "utf8")),
  );
  assert.deepEqual(silent.map(inSource), []);
});

test("only sync's door writes configuration tables", () => {
  const writers = production.filter((path) =>
    /(insertInto|updateTable|deleteFrom|replaceInto)\(\s*"(channels|credentials|groups|prices|models|settings|keys|users|tokens)"/.test(
      code(path),
    ),
  );
  const allowed = writers
    .map(inSource)
    .filter(
      (path) =>
        !path.startsWith("store/migrations/") &&
        path !== "store/sync-sql.ts" &&
        !path.startsWith("store/sync-"),
    );
  assert.deepEqual(allowed, []);
});

test("provider ids stand as literals only in providers/", () => {
  // A dialect or a way to show credentials may bear the same name, and these stand anywhere.
  const otherNames = new Set<string | undefined>(
    providers.flatMap(({ auth, endpoints }) => [
      auth.kind,
      ...Object.values(endpoints).flatMap((own) => own.map(({ dialect }) => dialect)),
    ]),
  );
  const ids = providers.map(({ id }) => id).filter((id) => !otherNames.has(id));
  assert.ok(ids.length > 60, "providers were found");
  const faults: string[] = [];
  for (const path of production) {
    if (/^(providers|dialects|cli)\//.test(inSource(path))) continue;
    const text = code(path);
    for (const id of ids) if (text.includes(`"${id}"`)) faults.push(`${inSource(path)}: "${id}"`);
  }
  assert.deepEqual(faults, []);
});

test("each provider's folder is in the registry, and has a case that shows what it does", () => {
  const folder = join(source, "providers");
  const registry = readFileSync(join(folder, "registry.ts"), "utf8");
  const own = readdirSync(folder, { withFileTypes: true }).filter((one) => one.isDirectory());
  assert.ok(own.length > 8);
  const faults = own.flatMap(({ name }) => {
    const cases = files(join(folder, name), (path) => path.endsWith(".case"));
    return [
      ...(registry.includes(`"./${name}/`) ? [] : [`${name} is not in providers/registry.ts`]),
      ...(cases.length > 0 ? [] : [`${name}/cases has no .case file`]),
    ];
  });
  assert.deepEqual(faults, []);
});

test("ARCHITECTURE.md is short and names every room", () => {
  const page = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
  assert.ok(page.split("\n").length <= 160);
  assert.deepEqual(
    Object.keys(mayImport).filter((room) => !page.includes(`\`${room}/\``)),
    [],
  );
});

test("the lock file names no download host", () => {
  for (const lock of ["package-lock.json", "tools/node/package-lock.json"]) {
    assert.doesNotMatch(readFileSync(join(root, lock), "utf8"), /"resolved": "https?:/);
  }
});
