/** The guest's agent itself, built by this host's compiler and run on this host with a pipe in the port's place: no guest needed. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import type { Duplex } from "node:stream";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { ensureAgentProgram } from "../../guest/agent-program.ts";

// A compiler on a busy machine, and forty rounds of processes.
vi.setConfig({ hookTimeout: 60_000, testTimeout: 30_000 });
let folder: string;
let program: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blixard-agent-"));
  program = join(folder, "agent");
  const built = await ensureAgentProgram({ cacheDir: folder, onProgress: () => undefined });
  if (built === undefined) throw new Error("this host has no C compiler and no way to get one");
  await writeFile(program, built);
  await chmod(program, 0o755);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

interface Agent {
  readonly child: ChildProcess;
  readonly lines: readonly string[];
  tell(...lines: readonly string[]): void;
  /** Waits for a line that matches, at or after position `from`. */
  answer(pattern: RegExp, from?: number): Promise<string>;
}

function startAgent(...service: readonly string[]): Agent {
  const child = spawn(program, ["fd:3", ...service], { cwd: folder, stdio: ["ignore", "ignore", "ignore", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const port = child.stdio[3] as Duplex;
  port.on("error", () => undefined);
  const lines: string[] = [];
  let rest = "";
  let wake = (): void => undefined;
  port.on("data", (chunk: Buffer) => {
    const parts = (rest + chunk.toString("latin1")).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
    wake();
  });
  return {
    child,
    lines,
    tell: (...told) => void port.write(told.map((line) => `${line}\n`).join("")),
    answer: async (pattern, from = 0) => {
      for (;;) {
        const found = lines.slice(from).find((line) => pattern.test(line));
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}

async function ready(): Promise<Agent> {
  const agent = startAgent();
  agent.tell("blixard 1 me");
  await agent.answer(/^blixard 1 me /);
  return agent;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const command = (...argv: readonly string[]): string => base64(argv.map((argument) => `a${argument}\0`).join(""));
const message = (line: string): string => Buffer.from(line.split(" ")[3] ?? "", "base64").toString();

test("the agent says who it is, that it is up, and that it beats", async () => {
  const agent = startAgent();
  await agent.answer(/^booted$/);
  await agent.answer(/^beat$/);
  agent.tell("blixard 1 n0nce");
  expect(await agent.answer(/^blixard/)).toBe(
    "blixard 1 n0nce exec,put,get,freeze,thaw,addresses,identity,console,pause",
  );
  agent.tell("blixard 9 n0nce");
  expect(await agent.answer(/^blixard 1 -/)).toBe("blixard 1 -");
});

test("the agent's service sees its end reported, and its stop", async () => {
  const agent = startAgent("/bin/sh", "-c", "exit 7");
  expect(await agent.answer(/^exit/)).toBe("exit 7");
  const stopped = startAgent("/bin/sh", "-c", "trap 'exit 3' TERM; : >trapped; while :; do sleep 0.01; done");
  await stopped.answer(/^booted$/);
  while (!(await readdir(folder)).includes("trapped")) await new Promise((resolve) => setTimeout(resolve, 5));
  stopped.tell("stop");
  expect(await stopped.answer(/^exit/)).toBe("exit 3");
});

test("a command gets its input, and its output comes apart", async () => {
  const agent = await ready();
  agent.tell(
    `1 exec pipe 0 0 ${command("sh", "-c", "cat; echo oops >&2; exit 5")}`,
    `1 in ${base64("hello")}`,
    "1 end",
  );
  await agent.answer(/^1 exit 5$/);
  expect(agent.lines).toContain(`1 out ${base64("hello")}`);
  expect(agent.lines).toContain(`1 err ${base64("oops\n")}`);
  expect(agent.lines).toContain("1 more 5");
});

test("a command writes no more than it was granted", async () => {
  const agent = await ready();
  agent.tell(`1 exec pipe 0 0 ${command("yes")}`);
  const taken = (): number =>
    agent.lines.reduce(
      (sum, line) => sum + (line.startsWith("1 out ") ? Buffer.from(line.slice(6), "base64").length : 0),
      0,
    );
  while (taken() < 262_144) await agent.answer(/./, agent.lines.length);
  agent.tell(`2 exec pipe 0 0 ${command("true")}`);
  await agent.answer(/^2 exit 0$/);
  expect(taken()).toBe(262_144);
  agent.tell("1 more 10");
  while (taken() < 262_154) await agent.answer(/./, agent.lines.length);
  // What is still in the pipe belongs to it: its end is told behind that.
  agent.tell("1 signal 15", "1 more 1000000");
  await agent.answer(/^1 killed 15$/);
});

test("a new session ends what the one before had asked for", async () => {
  const agent = await ready();
  const target = join(folder, "half");
  agent.tell(
    `1 exec pipe 0 0 ${command("sh", "-c", "echo $$; exec sleep 60")}`,
    `2 put 0644 100 ${base64(target)}`,
    `2 in ${base64("x")}`,
  );
  const [, , said = ""] = (await agent.answer(/^1 out/)).split(" ");
  const pid = Number(Buffer.from(said, "base64").toString());
  const from = agent.lines.length;
  agent.tell("blixard 1 another");
  await agent.answer(/^blixard 1 another/, from);
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
  expect((await readdir(folder)).filter((name) => name.startsWith("half"))).toEqual([]);
  // The number is free again.
  agent.tell(`1 exec pipe 0 0 ${command("true")}`);
  await agent.answer(/^1 exit 0$/, from);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("a file arrives whole, with its mode, or not at all", async () => {
  const agent = await ready();
  const target = join(folder, "in.place");
  const content = Buffer.from("content of a file");
  await writeFile(target, "before");
  agent.tell(
    `1 put 0640 ${content.length} ${base64(target)}`,
    `1 in ${content.toString("base64")}`,
    `1 end ${crc32(content) + 1}`,
  );
  expect(message(await agent.answer(/^1 fail damaged/))).toContain("stays as it was");
  expect(await readFile(target, "utf8")).toBe("before");
  agent.tell(
    `2 put 0640 ${content.length} ${base64(target)}`,
    `2 in ${content.toString("base64")}`,
    `2 end ${crc32(content)}`,
  );
  await agent.answer(/^2 done$/);
  expect(await readFile(target, "utf8")).toBe(content.toString());
  expect((await stat(target)).mode & 0o7777).toBe(0o640);
  agent.tell(`3 get ${base64(target)}`);
  expect(await agent.answer(/^3 done/)).toBe(`3 done ${crc32(content)}`);
  expect(agent.lines).toContain(`3 begin ${content.length} 0640`);
  agent.tell(`4 put 0640 3 ${base64(target)}`, `4 in ${base64("more than 3")}`);
  expect(message(await agent.answer(/^4 fail/))).toBe("more bytes came than were announced");
  expect((await readdir(folder)).filter((name) => name.startsWith("in.place"))).toEqual(["in.place"]);
});

test("the agent refuses what it does not know, cannot read, or has too much of", async () => {
  const agent = await ready();
  agent.tell(
    "1 dance",
    "2 exec pipe x y z",
    "3 put 9 9 9",
    `4 exec pipe 0 0 ${base64("d/tmp\0")}`,
    `5 get ${base64("relative/none")}`,
  );
  expect(message(await agent.answer(/^1 fail unsupported/))).toContain("does not know that verb");
  expect(message(await agent.answer(/^2 fail/))).toContain("cannot read that request");
  expect(message(await agent.answer(/^3 fail/))).toContain("cannot read that request");
  expect(message(await agent.answer(/^4 fail/))).toBe("no command was given");
  expect(message(await agent.answer(/^5 fail not-found/))).toContain("no such file");
  for (let id = 10; id < 26; id++) agent.tell(`${id} exec pipe 0 0 ${command("sleep", "30")}`);
  agent.tell(`30 exec pipe 0 0 ${command("true")}`);
  expect(message(await agent.answer(/^30 fail busy/))).toContain("16 requests are open");
  agent.tell(...Array.from({ length: 16 }, (_, i) => `${i + 10} cancel`), `31 exec pipe 0 0 ${command("true")}`);
  await agent.answer(/^31 exit 0$/);
});

test("addresses and thaw answer, also where there is nothing", async () => {
  const agent = await ready();
  agent.tell("1 addresses", "2 thaw");
  expect(await agent.answer(/^1 done/)).toBe("1 done");
  expect(await agent.answer(/^2 done/)).toBe("2 done 0");
});

test("whatever a host says, the agent goes on", async () => {
  const agent = await ready();
  const word = fc.oneof(
    fc.constantFrom(
      "exec",
      "put",
      "get",
      "in",
      "end",
      "more",
      "size",
      "signal",
      "cancel",
      "thaw",
      "blixard",
      "tty",
      "pipe",
      "0",
    ),
    fc.integer({ min: -1, max: 40 }).map(String),
    fc.string({ maxLength: 12 }).map((text) => text.replaceAll(/[\n\0]/g, "")),
    fc.base64String({ maxLength: 40 }),
  );
  const line = fc.array(word, { maxLength: 6 }).map((words) => words.join(" "));
  let id = 1_000;
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 30 }), async (lines) => {
      // The agent can do all that a root user can: only what harms nobody may come out of it.
      const harmless = lines.filter((text) => !/stop|freeze|identity|pause/.test(text));
      const from = agent.lines.length;
      agent.tell(...harmless, "x".repeat(40_000), "blixard 1 again");
      await agent.answer(/^blixard 1 again/, from);
      id += 1;
      agent.tell(`${id} exec pipe 0 0 ${command("true")}`);
      await agent.answer(new RegExp(`^${id} exit 0$`), from);
    }),
    { numRuns: 40 },
  );
  expect(agent.child.exitCode).toBeNull();
});
