import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ConsoleLog } from "../../../../runtime/node/instances/console-log.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "blixard-log-"));
  path = join(folder, "console.log");
});

afterEach(() => rmSync(folder, { recursive: true }));

function tail(log: ConsoleLog, count: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const lines: string[] = [];
    log.read({
      instance: "i",
      tail: count,
      follow: false,
      onLine: (line) => lines.push(line),
      onEnd: (error) => (error === undefined ? resolve(lines) : reject(new Error(error))),
    });
  });
}

test("read() gives exactly the last lines", async () => {
  writeFileSync(path, "one\r\ntwo\nthree\n");
  const log = new ConsoleLog(folder);
  expect(await tail(log, 2)).toEqual(["two", "three"]);
  expect(await tail(log, 3)).toEqual(["one", "two", "three"]);
  expect(await tail(log, 99)).toEqual(["one", "two", "three"]);
  expect(await tail(log, 0)).toEqual([]);
});

test("read() counts a last line without an end, and empty lines", async () => {
  writeFileSync(path, "one\n\n\nunfinished");
  expect(await tail(new ConsoleLog(folder), 2)).toEqual(["", "unfinished"]);
  expect(await tail(new ConsoleLog(folder), 3)).toEqual(["", "", "unfinished"]);
});

test("read() of an empty log gives nothing, of a missing one says so", async () => {
  await expect(tail(new ConsoleLog(folder), 1)).rejects.toThrow("ENOENT");
  writeFileSync(path, "");
  expect(await tail(new ConsoleLog(folder), 5)).toEqual([]);
});

test("read() finds lines far from the end of a large log", async () => {
  const lines = Array.from({ length: 50_000 }, (_, i) => `line ${i} ä`);
  writeFileSync(path, `${lines.join("\n")}\n`);
  expect(await tail(new ConsoleLog(folder), 20_000)).toEqual(lines.slice(-20_000));
});

test("read() cuts a line that never ends into pieces", async () => {
  writeFileSync(path, "x".repeat(200_000));
  const lines = await tail(new ConsoleLog(folder), 1);
  expect(lines.map((line) => line.length)).toEqual([65_536, 65_536, 65_536, 3_392]);
});

test("tick() keeps the size, and the older half stays readable", async () => {
  const log = new ConsoleLog(folder, 1_000);
  const all: string[] = [];
  for (let round = 0; round < 10; round++) {
    const lines = Array.from({ length: 10 }, (_, i) => `round ${round} line ${i} ${"x".repeat(40)}`);
    all.push(...lines);
    appendFileSync(path, `${lines.join("\n")}\n`);
    log.tick();
    await log.finish();
  }
  expect(statSync(path).size).toBe(0);
  expect(await tail(log, 10)).toEqual(all.slice(-10));
  expect(readFileSync(join(folder, "console.log.1")).length).toBeLessThan(1_000);
});

test("tick() keeps only the end of a burst, so that it costs neither time nor room", async () => {
  writeFileSync(path, `${"x".repeat(20_000)}\nlast\n`);
  const log = new ConsoleLog(folder, 1_000);
  log.tick();
  await log.finish();
  expect(statSync(path).size).toBe(0);
  expect(readFileSync(join(folder, "console.log.1")).length).toBe(1_000);
  expect(await tail(log, 1)).toEqual(["last"]);
});

test("tick() cuts the log also when the disk has no room for its older half", async () => {
  writeFileSync(path, "x".repeat(20_000));
  symlinkSync("/dev/full", join(folder, "console.log.1.new"));
  const log = new ConsoleLog(folder, 1_000);
  log.tick();
  await log.finish();
  expect(statSync(path).size).toBe(0);
  expect(readdirSync(folder)).toEqual(["console.log"]);
});

test("a follower misses nothing and gets nothing twice over cuts", async () => {
  writeFileSync(path, "0\n");
  const log = new ConsoleLog(folder, 100);
  const seen: number[] = [];
  const wanted = 400;
  await new Promise<void>((resolve, reject) => {
    const subscription = log.read({
      instance: "i",
      tail: 1,
      follow: true,
      onLine: (line) => {
        seen.push(Number(line));
        if (seen.length === wanted) subscription.cancel();
      },
      onEnd: (error) => (error === undefined ? resolve() : reject(new Error(error))),
    });
    let next = 1;
    const write = (): void => {
      for (let i = 0; i < 7 && next < wanted; i++) appendFileSync(path, `${next++}\n`);
      log.tick();
      if (next < wanted) setImmediate(write);
    };
    // Behind the subscription in the log's own queue.
    void tail(log, 0).then(write);
  });
  expect(seen).toEqual(Array.from({ length: wanted }, (_, i) => i));
});

test("finish() gives a follower the rest, also without a line end, and ends it once", async () => {
  writeFileSync(path, "");
  const log = new ConsoleLog(folder);
  const seen: string[] = [];
  let ends = 0;
  log.read({ instance: "i", tail: 0, follow: true, onLine: (line) => seen.push(line), onEnd: () => (ends += 1) });
  await tail(log, 0);
  appendFileSync(path, "a\nb");
  await log.finish();
  expect(seen).toEqual(["a", "b"]);
  await log.finish();
  expect(ends).toBe(1);
});
