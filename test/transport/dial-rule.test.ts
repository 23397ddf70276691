import { expect, test } from "vitest";
import { dialerOf } from "../../transport/index.ts";

test("dialerOf() gives both ends of a pair the same answer", () => {
  const names = ["n1", "n10", "n2", "N1", "rack-1.host_3", "z"];
  for (const one of names) {
    for (const other of names) expect(dialerOf(one, other)).toBe(dialerOf(other, one));
  }
  expect(dialerOf("n10", "n2")).toBe("n10");
});
