/** At most so many at once, in order, and no place is lost by a failure. */
import { expect, test } from "vitest";
import { Places } from "../../../../../runtime/node/nix/build/places.ts";

test("take() runs two at once, the rest in order, and goes on after a failure", async () => {
  const places = new Places(2);
  const begun: number[] = [];
  const ends: PromiseWithResolvers<void>[] = [];
  const runs = [0, 1, 2, 3].map((at) => {
    ends[at] = Promise.withResolvers<void>();
    return places.take(async () => {
      begun.push(at);
      await ends[at]?.promise;
      return at;
    });
  });
  const settled = Promise.allSettled(runs);
  await turn();
  expect(begun).toEqual([0, 1]);
  ends[1]?.reject(new Error("no"));
  await turn();
  expect(begun).toEqual([0, 1, 2]);
  for (const end of ends) end.resolve();
  expect((await settled).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
  expect(begun).toEqual([0, 1, 2, 3]);
  expect(await places.take(async () => "again")).toBe("again");
});

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
