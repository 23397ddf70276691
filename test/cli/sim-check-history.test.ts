/** `blixard sim check-history` as a user meets it: verdicts, exit codes, pictures, and every way to give it nothing to judge. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine, type Ran } from "./run-command-line.ts";

const HISTORIES = join(import.meta.dirname, "..", "sim", "linearizability", "histories");

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "check-history-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function check(args: readonly string[], stdin = ""): Promise<Ran> {
  return runCommandLine(["sim", "check-history", ...args], { cwd: folder, stdin });
}

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return name;
}

const WRONG = [
  "0 :invoke :write 1",
  "0 :ok :write 1",
  "1 :invoke :write 2",
  "1 :ok :write 2",
  "2 :invoke :read nil",
  "2 :ok :read 1",
].join("\n");

test("sim check-history says of a right history how much it is, and exits 0", async () => {
  const { exitCode, out, err } = await check(["--model", "cas", join(HISTORIES, "etcd.log")]);
  expect([exitCode, err]).toEqual([0, ""]);
  expect(out).toMatch(/^Linearizable: 10 operations, 2 of unknown outcome; \d+ states in 0\.0 s\n$/);
});

test("sim check-history draws what is wrong, and exits 1", async () => {
  const { exitCode, out, err } = await check(["--model", "register", write("wrong.log", WRONG)]);
  expect([exitCode, err]).toEqual([
    1,
    'Error: The history of "wrong.log" is not linearizable: 2 operations show it.\n',
  ]);
  expect(out.split("\n").slice(1)).toEqual([
    "",
    "  1    ├─ write 2 ─┤",
    "  2                   ├─ read → 1 ─┤ ✗",
    "",
    "The longest order of the others, from whatever was there:",
    "    1. 1  write 2  then 2",
    '"read → 1" of client 2 has no place: by its return (line 6) the state could only be: 2.',
    "",
    "    1  1  write 2   [line 3 … line 4]",
    "    2  2  read → 1  [line 5 … line 6]",
    "",
  ]);
});

test("sim check-history -o json says the same to a program", async () => {
  const { exitCode, out } = await check(["--model", "register", "-o", "json", write("wrong.log", WRONG)]);
  expect(exitCode).toBe(1);
  expect(JSON.parse(out)).toMatchObject({
    verdict: "not-linearizable",
    model: "register",
    format: "log",
    operations: 3,
    counterexample: {
      key: null,
      impossible: 1,
      states: ["2"],
      operations: [{ text: "write 2" }, { text: "read → 1" }],
    },
  });
});

test("sim check-history reads standard input, and lines that end as on Windows", async () => {
  expect(await check(["--model", "register", "-"], WRONG.replaceAll("\n", "\r\n"))).toMatchObject({ exitCode: 1 });
  expect(await check(["--model", "register", write("windows.log", WRONG.replaceAll("\n", "\r\n"))])).toMatchObject({
    exitCode: 1,
  });
});

test.each(["svg", "html"])("sim check-history --picture draws into a file of its own, as %s", async (extension) => {
  const file = `wrong.${extension}`;
  const text = WRONG.replace(":read 1", ':read "<script>"');
  const { exitCode, err } = await check(["--model", "register", "--picture", file, write("wrong.log", text)]);
  expect([exitCode, err]).toEqual([1, expect.stringContaining(`Drawn into ${file}`)]);
  const drawn = readFileSync(join(folder, file), "utf8");
  expect(drawn).toContain("prefers-color-scheme: dark");
  expect(drawn).toContain("&lt;script&gt;");
  expect(drawn, "nothing is loaded").not.toMatch(/<script|href=|src=|url\(|@import/);
  expect(drawn.match(/<rect class="box/g)).toHaveLength(2);
  expect(drawn.match(/<rect class="box impossible"/g)).toHaveLength(1);
});

test("sim check-history draws nothing where nothing is wrong", async () => {
  const { exitCode, err } = await check(["--model", "lock", "--picture", "none.svg", join(HISTORIES, "lock.log")]);
  expect([exitCode, err]).toEqual([0, "none.svg is not written: there is nothing to draw.\n"]);
});

test("sim check-history says that it gave up, and exits 2", async () => {
  const clients = Array.from({ length: 40 }, (_, at) => at);
  const lines = [
    ...clients.map((at) => `${at} :invoke :write ${at}`),
    ...clients.map((at) => `${at} :ok :write ${at}`),
    ...clients.map((at) => `${at} :invoke :read nil`),
    ...clients.map((at) => `${at} :ok :read ${(at * 7) % 40}`),
  ];
  const args = ["--model", "register", write("hard.log", lines.join("\n"))];
  const { exitCode, out, err } = await check(["--states", "2000", ...args]);
  expect([exitCode, out]).toEqual([2, expect.stringMatching(/^Given up: 80 operations, /)]);
  expect(err).toContain(
    "Error: Cannot judge the history: gave up after 2000 states, over 80 operations.\nNothing is known of it.",
  );
});

test.each([
  [["none.edn"], 'Cannot check "none.edn": there is no such file.'],
  [["."], 'Cannot check ".": it is a folder.'],
  [["empty.log"], 'Cannot check "empty.log": it holds no operation of a client.'],
  [
    ["bad.log"],
    'Cannot check "bad.log": line 2: expected "PROCESS :invoke|:ok|:fail|:info :OPERATION VALUE", got "what is this".',
  ],
  [
    ["--format", "edn", "bad.log"],
    'Cannot check "bad.log": line 1: expected an operation, {:process 0, :type :invoke, :f :read, :value nil}, got 0.',
  ],
  [["--format", "json", "bad.log"], 'Cannot check "bad.log": line 1: not JSON: 0 :invoke :read nil.'],
  [["--picture", "out.png", "bad.log"], 'Cannot draw "out.png": its name ends in ".png", expected .svg or .html.'],
  [["--states", "0", "bad.log"], "Expected a whole number from 1 to 100000000."],
  [["--format", "yaml", "bad.log"], "Allowed choices are edn, log, json."],
  [[], "Missing required argument 'file'"],
] as const)("sim check-history %j is refused with words, and 2", async (args, message) => {
  write("empty.log", "\n; nothing\n");
  write("bad.log", "0 :invoke :read nil\nwhat is this\n");
  const { exitCode, out, err } = await check(["--model", "register", ...args]);
  expect([exitCode, out]).toEqual([2, ""]);
  expect(err).toContain(message);
});

test("sim check-history needs a model, and takes no option of a simulation", async () => {
  expect(await check(["x.log"])).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining("'--model <name>' not specified"),
  });
  expect(await check(["--model", "queue", "x.log"])).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining("register, cas, kv, lock"),
  });
  const mixed = await runCommandLine(["sim", "--seed", "3", "check-history", "--model", "cas", "x.log"]);
  expect(mixed).toMatchObject({ exitCode: 2, err: expect.stringContaining("Cannot check a history with --seed") });
});

test("sim check-history says where a picture cannot be written", async () => {
  const { exitCode, err } = await check([
    "--model",
    "register",
    "--picture",
    "no/such/x.svg",
    write("wrong.log", WRONG),
  ]);
  expect([exitCode, err]).toEqual([
    2,
    expect.stringContaining('Cannot draw "no/such/x.svg": it cannot be written (ENOENT).'),
  ]);
});

test("sim check-history reads a large file line by line, and judges it", async () => {
  const lines = Array.from({ length: 20_000 }, (_, at) => {
    const value = Math.floor(at / 4);
    const type = at % 2 === 0 ? "invoke" : "ok";
    return at % 4 < 2
      ? `${value % 5} :${type} :write [k${value % 7} ${value}]`
      : `9 :${type} :read [k${value % 7} ${type === "ok" ? value : "nil"}]`;
  });
  const { exitCode, out } = await check(["--model", "kv", write("large.log", lines.join("\n"))]);
  expect([exitCode, out]).toEqual([
    0,
    expect.stringMatching(/^Linearizable: 10000 operations on 7 keys, 0 of unknown/),
  ]);
});
