import { expect, test } from "vitest";
import { PathAddresses, PathSlots } from "../../transport/index.ts";
import { PATH_SLOTS } from "../../transport/paths.ts";

test("define() numbers paths, but not those of asks, kernels and nobody", () => {
  const slots = new PathSlots();
  expect(slots.slotOf("a")).toBeUndefined();
  expect(slots.define("a")).toBe(0);
  expect(slots.define("b")).toBe(1);
  expect(slots.slotOf("a")).toBe(0);
  for (const path of ["", "$kernel", "$ask/x-1"]) expect(slots.define(path)).toBeUndefined();
});

test("both ends agree on every slot, also when the table has been full", () => {
  const slots = new PathSlots();
  const addresses = new PathAddresses("n1");
  for (let i = 0; i < 3 * PATH_SLOTS; i++) {
    const path = `actor-${(i * 7919) % (PATH_SLOTS + 100)}`;
    const known = slots.slotOf(path);
    if (known !== undefined) {
      expect(addresses.at(known)?.path).toBe(path);
      continue;
    }
    const slot = slots.define(path) ?? -1;
    expect(addresses.define(slot, path)).toEqual({ node: "n1", path });
  }
});

test("the receiving end has room for the slots there are, taken one after the other", () => {
  const addresses = new PathAddresses("n1");
  expect(addresses.define(1, "a")).toBeUndefined();
  for (let slot = 0; slot < PATH_SLOTS; slot++) expect(addresses.define(slot, "a")).toBeDefined();
  expect(addresses.define(PATH_SLOTS, "a")).toBeUndefined();
  expect(addresses.at(PATH_SLOTS)).toBeUndefined();
});
