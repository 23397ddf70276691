/** Freezing a guest for a checkpoint, however its agent behaves. With real guests: test/integration/qemu-disk-checkpoints.test.ts. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FREEZE_MS, freezeGuest } from "../../../../runtime/node/qemu/guest-freeze.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** One whose agent answers `freeze` so, and never answers `thaw`. */
function guest(freeze: () => Promise<number>) {
  return {
    freeze: vi.fn<(seconds: number) => Promise<number>>(freeze),
    thaw: vi.fn<() => Promise<number>>(() => Promise.reject(new Error("it stands still"))),
  };
}

test("freezeGuest() says that a guest is frozen when its agent does, for a time that the guest itself bounds", async () => {
  const agent = guest(() => Promise.resolve(2));
  const { isFrozen, thaw } = await freezeGuest(agent);
  expect(isFrozen).toBe(true);
  expect(agent.freeze).toHaveBeenCalledWith(30);
  expect(agent.thaw).not.toHaveBeenCalled();
  thaw();
  expect(agent.thaw).toHaveBeenCalledTimes(1);
  expect(vi.getTimerCount()).toBe(0);
});

test("freezeGuest() gives up on an agent that hangs or cannot, and has it thaw all the same", async () => {
  const hanging = guest(() => new Promise(() => undefined));
  const asked = freezeGuest(hanging);
  await vi.advanceTimersByTimeAsync(FREEZE_MS);
  const { isFrozen, thaw } = await asked;
  thaw();
  expect([isFrozen, hanging.thaw.mock.calls.length]).toEqual([false, 1]);
  const old = guest(() => Promise.reject(new Error("protocol 0")));
  expect((await freezeGuest(old)).isFrozen).toBe(false);
});
