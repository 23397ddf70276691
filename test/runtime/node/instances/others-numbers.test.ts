import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { othersNumbers } from "../../../../runtime/node/instances/others-numbers.ts";

test("othersNumbers() finds users, groups and what users have for containers, and nothing on a host without these files", () => {
  const etc = mkdtempSync(join(tmpdir(), "blixard-etc-"));
  onTestFinished(() => rmSync(etc, { recursive: true, force: true }));
  expect(othersNumbers({ first: 1, count: 1_000_000 }, etc)).toBeUndefined();
  writeFileSync(join(etc, "passwd"), "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/false\n+\n");
  writeFileSync(join(etc, "group"), "root:x:0:\nkvm:x:108:ann,bob\n");
  writeFileSync(join(etc, "subuid"), "ann:100000:65536\nbob:165536:65536\n");
  const whose = (first: number, count: number): string | undefined => othersNumbers({ first, count }, etc);
  expect(whose(1, 1000)).toBe('33 is the user "www-data"');
  expect(whose(34, 75)).toBe('108 is the group "kvm"');
  expect(whose(109, 100_000)).toBe(`${etc}/subuid gives "ann" 65536 numbers from 100000 on`);
  expect(whose(231_071, 1)).toBe(`${etc}/subuid gives "bob" 65536 numbers from 165536 on`);
  expect([whose(34, 74), whose(109, 99_891), whose(231_072, 1000)]).toEqual([undefined, undefined, undefined]);
});
