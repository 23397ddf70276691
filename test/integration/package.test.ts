/**
 * The package as a user gets it: packed, installed into an empty project, and the guide's first program run there, in
 * TypeScript and in JavaScript; its types checked as strictly as a project can ask for.
 */
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isPrinted, readChapter } from "../docs/guide-listings.ts";

const REPOSITORY = join(import.meta.dirname, "..", "..");
const { listings, commands } = readChapter(readFileSync(join(REPOSITORY, "docs/guide/01-first-actor.md"), "utf8"));

const root = mkdtempSync(join(tmpdir(), "blixard-package-"));
const project = join(root, "project");

/** Runs a program of this Node.js; npm is found beside it or on the path. */
function run(program: string, args: readonly string[], cwd: string): string {
  const { stdout, stderr, status } = spawnSync(program, args, { cwd, encoding: "utf8" });
  expect(status, `${program} ${args.join(" ")}\n${stdout}${stderr}`).toBe(0);
  return stdout;
}

beforeAll(() => {
  run("npm", ["run", "-s", "build"], REPOSITORY);
  run("npm", ["pack", "./dist/package", "--pack-destination", root], REPOSITORY);
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "project", private: true, type: "module" }));
  const [tarball = ""] = globSync("*.tgz", { cwd: root });
  const { devDependencies } = JSON.parse(readFileSync(join(REPOSITORY, "package.json"), "utf8")) as {
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const wanted = [join(root, tarball), `typescript@${devDependencies["typescript"]}`];
  run("npm", ["install", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", ...wanted], project);
  for (const { file, text, fails } of listings) if (!fails) writeFileSync(join(project, file), text);
}, 300_000);

afterAll(() => rmSync(root, { recursive: true, force: true }));

test("the package holds compiled code and declarations, and nothing of a checkout", () => {
  const files = globSync("**/*", { cwd: join(project, "node_modules", "blixard") });
  expect(files).toEqual(
    expect.arrayContaining(["library/index.js", "library/sim.d.ts", "runtime/node/lmdb-writer.js"]),
  );
  expect(files).toEqual(expect.arrayContaining(["runtime/node/guard/guard.sh", "guest/init.sh", "LICENSE"]));
  expect(files.filter((file) => /^(test|bench|examples|docs)\b/.test(file))).toEqual([]);
  expect(files.filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))).toEqual([]);
  expect(globSync("node_modules/.bin/node", { cwd: project })).toEqual([]);
});

test.each(commands.filter(({ command }) => command.startsWith("node ")))(
  "$command prints what the guide says",
  (one) => {
    const printed = run(process.execPath, one.command.split(" ").slice(1), project);
    expect(isPrinted(one.output, printed), printed).toBe(true);
  },
);

test.each([
  { module: "nodenext", moduleResolution: "nodenext" },
  { module: "esnext", moduleResolution: "bundler" },
])("the types of all entries hold under $moduleResolution, strictly and with every declaration checked", (options) => {
  const entries = ["index", "raft", "sim", "testkit"].map((entry) =>
    entry === "index" ? "blixard" : `blixard/${entry}`,
  );
  const imports = entries.map((entry, at) => `export * as entry${at} from "${entry}";`);
  writeFileSync(join(project, "entries.ts"), `${imports.join("\n")}\n`);
  // One system for all entries: a class of one must be that of another.
  const together = [
    'import { ActorSystem } from "blixard";',
    'import { createManualWorld, createProbe } from "blixard/testkit";',
    'import { simulate } from "blixard/sim";',
    "const world = createManualWorld();",
    "createProbe<string>(ActorSystem.create({ world }), world).expectNoMessage();",
    "void simulate({ seed: 1, start: (node) => void createProbe<string>(node.system, world) });",
  ];
  writeFileSync(join(project, "together.ts"), `${together.join("\n")}\n`);
  const compilerOptions = {
    ...options,
    target: "es2024",
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    types: [],
    lib: ["es2024", "dom"],
  };
  const files = ["entries.ts", "together.ts", "first-actor.ts"];
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  const tsc = join(project, "node_modules", ".bin", "tsc");
  expect(run(process.execPath, [tsc, "-p", "."], project)).toBe("");
});

test("the threads of the package start: a world keeps its journal and joins a cluster of one", () => {
  const program = [
    'import { ActorSystem, createNodeWorld, joinCluster, startSingleton, stateless } from "blixard";',
    'const world = await createNodeWorld({ data: "kept", log: "error" });',
    "const system = ActorSystem.create({ world });",
    "joinCluster(system, world.cluster);",
    'const make = () => stateless("greeter", (replyTo, ctx) => ctx.tell(replyTo, "acts"));',
    'const { ref } = startSingleton(system, { name: "greeter", make });',
    "console.log(await system.ask(ref, (replyTo) => replyTo, { timeoutMs: 20000 }));",
    'world.journal.open("stream", (opened) => console.log(opened.ok));',
    "await new Promise((done) => world.journal.listStreams({}, done));",
    "system.stop();",
    "await world.close();",
  ];
  writeFileSync(join(project, "durable.js"), `${program.join("\n")}\n`);
  expect(run(process.execPath, ["durable.js"], project)).toBe(
    '{ ok: true, answer: "acts" }\ntrue\n'.replaceAll('"', "'"),
  );
});

test("the command line of the package knows its version and runs a seed", () => {
  const bin = join(project, "node_modules", ".bin", "blixard");
  const { version } = JSON.parse(readFileSync(join(REPOSITORY, "package.json"), "utf8")) as {
    readonly version: string;
  };
  expect(run(process.execPath, [bin, "version"], project)).toContain(`blixard ${version}`);
  expect(run(process.execPath, [bin, "sim", "--seed", "1", "--duration", "5s"], project)).toContain("all clean");
});
