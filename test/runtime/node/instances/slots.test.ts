import { expect, test } from "vitest";
import { Slots } from "../../../../runtime/node/instances/slots.ts";

test("Slots runs so many at once, the others in their order, whatever became of those before", async () => {
  const slots = new Slots(2);
  const begun: number[] = [];
  const ends: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const work = [0, 1, 2, 3].map(async (number) =>
    slots.take(async () => {
      begun.push(number);
      await new Promise<void>((resolve, reject) => ends.push({ resolve, reject }));
      return number;
    }),
  );
  const settled = Promise.allSettled(work);
  const rest = async (): Promise<unknown> => new Promise(setImmediate);
  await rest();
  expect(begun).toEqual([0, 1]);
  ends[1]?.reject(new Error("broken"));
  await rest();
  expect(begun).toEqual([0, 1, 2]);
  ends[2]?.resolve();
  await rest();
  expect(begun).toEqual([0, 1, 2, 3]);
  for (const { resolve } of ends) resolve();
  expect((await settled).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
  expect(await slots.take(async () => "later")).toBe("later");
});
