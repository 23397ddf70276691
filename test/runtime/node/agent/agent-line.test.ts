import fc from "fast-check";
import { expect, test } from "vitest";
import { readGuestLine, requestLine, sizeWords } from "../../../../runtime/node/agent/agent-line.ts";

test("readGuestLine() reads what docs/guest-agent.md has", () => {
  expect(readGuestLine("blixard 1 abc exec,put")).toEqual({
    type: "hello",
    version: 1,
    nonce: "abc",
    verbs: ["exec", "put"],
  });
  expect(readGuestLine("booted")).toEqual({ type: "booted" });
  expect(readGuestLine("beat")).toEqual({ type: "beat" });
  expect(readGuestLine("exit 3")).toEqual({ type: "service-exit", status: 3 });
  expect(readGuestLine("7 out aGk=")).toEqual({
    type: "answer",
    id: 7,
    answer: { word: "out", bytes: Buffer.from("hi") },
  });
  expect(readGuestLine("7 exit 255")).toEqual({ type: "answer", id: 7, answer: { word: "exit", code: 255 } });
  expect(readGuestLine("7 begin 12 0644")).toEqual({
    type: "answer",
    id: 7,
    answer: { word: "begin", sizeBytes: 12, mode: "0644" },
  });
  expect(readGuestLine("7 done")).toEqual({ type: "answer", id: 7, answer: { word: "done", value: undefined } });
  expect(readGuestLine("7 address eth0 ipv4 10.0.2.15")).toEqual({
    type: "answer",
    id: 7,
    answer: { word: "address", interface: "eth0", kind: "ipv4", address: "10.0.2.15" },
  });
});

test.each([
  "0 out aGk=",
  "-1 out aGk=",
  "2147483648 done",
  "7",
  "7 ",
  "7 out",
  "7 out aGk",
  "7 out aGk= x",
  "7 out a Gk=",
  `7 out ${Buffer.alloc(16_385).toString("base64")}`,
  "7 more -5",
  "7 more 1e9",
  "7 more 99999999999999999",
  "7 begin 12 0999",
  "7 begin 9007199254740993 0644",
  "7 exit 256",
  "7 killed 65",
  "7 done 5 6",
  "7 address eth0 ipv9 1",
  "7 address eth0/../x ipv4 1.2.3.4",
  "7 fail BAD aGk=",
  "7 constructor x",
  "exit",
  "exit 300",
  "exit 3 4",
  "blixard",
  "blixard x y",
  "Booted",
])("readGuestLine() knows nothing of %j", (line) => {
  expect(readGuestLine(line)).toEqual({ type: "unknown" });
});

test("readGuestLine() makes a guest's words harmless before anybody shows them", () => {
  const message = Buffer.from(`\u001B[2Jdanger\r\n${"x".repeat(2_000)}`).toString("base64");
  const line = readGuestLine(`7 fail failed ${message}`);
  const shown = (line as { answer: { message: string } }).answer.message;
  expect(shown).toMatch(/^\?\[2Jdanger\?\?x+$/);
  expect(shown.length).toBe(500);
});

test("readGuestLine() never throws, whatever comes", () => {
  const word = fc.oneof(
    fc.constantFrom("out", "more", "begin", "done", "fail", "exit", "blixard", "__proto__"),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(word, fc.integer().map(String)), { maxLength: 6 }), (words) => {
      expect(readGuestLine(words.join(" "))).toHaveProperty("type");
    }),
  );
});

test("requestLine() writes a line, sizeWords() what fits a terminal", () => {
  expect(requestLine(3, ["put", "0644", 5], Buffer.from("/x"))).toBe("3 put 0644 5 L3g=\n");
  expect(sizeWords({ columns: 1e9, rows: -1 })).toEqual([65_535, 0]);
});
