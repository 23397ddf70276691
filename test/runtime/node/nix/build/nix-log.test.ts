/** What Nix says, as Nix 2.8 and 2.34 have said it, and what of it reaches people. */
import { expect, test } from "vitest";
import { NixLog } from "../../../../../runtime/node/nix/build/nix-log.ts";

const OWN = new Set(["module.nix"]);
const HASH = "xmsx4rhgrvqd9r46fp45m99wjf553fvx";

function logOf(...words: readonly (object | string)[]): { log: NixLog; steps: string[] } {
  const steps: string[] = [];
  const log = new NixLog((step) => steps.push(step));
  for (const word of words) log.push(typeof word === "string" ? word : `@nix ${JSON.stringify(word)}`);
  return { log, steps };
}

function failureOf(...words: readonly (object | string)[]): { failure: string; message: string } {
  const { failure, message } = logOf(...words).log.failure((file) => OWN.has(file));
  return { failure, message };
}

test("failure() gives an evaluation error its file and line, without colours, trace and store path", () => {
  const raw = "undefined variable '\u001B[35;1mundefinedThing\u001B[0m'";
  const file = `/nix/store/${HASH}-source/module.nix`;
  expect(
    failureOf(
      {
        action: "msg",
        level: 0,
        line: 4,
        column: 7,
        file,
        raw_msg: raw,
        msg: `\u001B[31;1merror:\u001B[0m ${raw}\n at ${file}`,
      },
      { action: "msg", level: 0, msg: "(use '--show-trace' to show detailed location information)" },
    ),
  ).toEqual({ failure: "evaluation", message: "module.nix:4: undefined variable 'undefinedThing'" });
});

test("failure() names the user's file in an unknown option, and keeps the path of another flake's", () => {
  const said = (path: string): string =>
    `The option \`microvm.memory' does not exist. Definition values:\n- In \`${path}'`;
  expect(failureOf({ action: "msg", level: 0, raw_msg: said(`/nix/store/${HASH}-source/module.nix`) }).message).toBe(
    "The option `microvm.memory' does not exist. Definition values: - In `module.nix'",
  );
  const theirs = `/nix/store/${HASH}-source/hosts/web.nix`;
  expect(failureOf({ action: "msg", level: 0, raw_msg: said(theirs) }).message).toContain(theirs);
});

test("failure() of a builder ends with what that builder said last", () => {
  const drv = `/nix/store/${HASH}-tool-1.0.drv`;
  const line = (id: number, text: string): object => ({ action: "result", id, type: 101, fields: [text] });
  expect(
    failureOf(
      { action: "start", id: 1, level: 3, type: 105, text: `building '${drv}'`, fields: [drv, "", 1, 1] },
      { action: "start", id: 2, level: 3, type: 105, text: "", fields: [`/nix/store/${HASH}-other.drv`, "", 1, 1] },
      ...["one", "two", "three", "\u001B[1mfour\u001B[0m"].map((text) => line(1, text)),
      line(2, "of another"),
      { action: "stop", id: 2 },
      { action: "stop", id: 1 },
      { action: "msg", level: 0, raw_msg: `builder for '${drv}' failed with exit code 7` },
    ),
  ).toEqual({
    failure: "build",
    message: `builder for '${drv}' failed with exit code 7; it said: two | three | four`,
  });
});

test("failure() keeps a list of assertions on one line, and a page short", () => {
  const assertions = failureOf({ action: "msg", level: 0, raw_msg: "\nFailed assertions:\n- one\n- two" });
  expect(assertions.message).toBe("Failed assertions: - one - two");
  const page = Array.from({ length: 200 }, (_, at) => `line ${at} of a trace that nobody reads`).join("\n");
  expect(failureOf({ action: "msg", level: 0, raw_msg: page }).message.length).toBeLessThan(710);
});

test("failure() of a Nix that speaks no JSON is its last words", () => {
  expect(failureOf("warning: x", "error: cannot connect to daemon")).toEqual({
    failure: "refused",
    message: "warning: x | error: cannot connect to daemon",
  });
  expect(failureOf("@nix {not json").message).toBe("@nix {not json");
  expect(failureOf().message).toBe("Nix ended without a word");
});

test("onStep is told what is built and fetched, with the count where there is more than one", () => {
  const building = (id: number, name: string): object => {
    return { action: "start", id, type: 105, fields: [`/nix/store/${HASH}-${name}.drv`, "", 1, 1] };
  };
  const { steps } = logOf(
    { action: "start", id: 9, type: 104 },
    { action: "result", id: 9, type: 105, fields: [0, 1, 0, 0] },
    building(1, "linux-6.1"),
    { action: "result", id: 9, type: 105, fields: [1, 3, 0, 0] },
    building(2, "initrd"),
    { action: "start", id: 3, type: 100, fields: [`/nix/store/${HASH}-bash-5.2`, "https://cache", ""] },
    { action: "start", id: 4, type: 0, text: "querying info about missing paths" },
  );
  expect(steps).toEqual(["building linux-6.1", "building initrd (2 of 3)", "fetching bash-5.2"]);
});
