import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { guestFiles } from "../../../../runtime/node/qemu/guest-files.ts";
import { shellQuote } from "../../../../runtime/node/shell-quote.ts";
import type { InstanceLaunch } from "../../../../runtime/index.ts";

const LAUNCH: InstanceLaunch = {
  instance: "i-1",
  vm: "web.shop",
  node: "n1",
  vcpus: 1,
  memoryMiB: 128,
  image: "base",
  command: ["server", "--title", "it's"],
  env: { MODE: "a b", BLIXARD_VM: "forged" },
  files: [{ path: "/srv/page", content: "hello", mode: "0640" }],
  ports: [{ name: "web", guestPort: 80, hostAddress: "127.0.0.1", hostPort: 8080 }],
  leaseUntilMs: 0,
};

test("guestFiles() names the instance, and the guest's own ports", () => {
  const text = guestFiles(LAUNCH).toString("utf8");
  expect(text).toContain("web-shop\n");
  expect(text).toContain("export BLIXARD_PORT_80='80'\n");
  expect(text).toContain("export BLIXARD_ROOT=''\n");
  expect(text).toContain("exec 'server' '--title' 'it'\\''s'\n");
});

test("guestFiles() lets no variable of the VM forge its identity", () => {
  const text = guestFiles(LAUNCH).toString("utf8");
  expect(text).toContain("export BLIXARD_VM='web.shop'\n");
  expect(text).not.toContain("forged");
});

test("guestFiles() gives two instances two machine ids, and one always the same", () => {
  const id = (instance: string): string | undefined =>
    /\n?([0-9a-f]{32})\n/.exec(guestFiles({ ...LAUNCH, instance }).toString("latin1"))?.[1];
  expect(id("i-1")).toMatch(/^[0-9a-f]{32}$/);
  expect(id("i-1")).toBe(id("i-1"));
  expect(id("i-1")).not.toBe(id("i-2"));
});

test("guestFiles() without a command starts what the image has", () => {
  expect(guestFiles({ ...LAUNCH, command: [] }).toString("utf8")).toContain("exec 'sh' '/etc/blixard/default-start'\n");
});

test.each(["plain", "two words", "it's", '$HOME `id` \\ "x"', "a\nb", "", "-n"])(
  "shellQuote() keeps %j one word",
  (word) => {
    const printed = execFileSync("sh", ["-c", `printf '%s|' ${shellQuote(word)} end`]).toString();
    expect(printed).toBe(`${word}|end|`);
  },
);
