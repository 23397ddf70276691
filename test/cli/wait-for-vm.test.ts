import { expect, test } from "vitest";
import type { Vm } from "../../actors/index.ts";
import { ApiError, type ApiClient } from "../../api/index.ts";
import { EXIT } from "../../cli/exit-codes.ts";
import { waitUntilGone, waitUntilUp } from "../../cli/wait-for-vm.ts";
import { FakeCluster, running, vmNamed } from "./fake-cluster.ts";

const MESSAGE = 'No node fits VM "big": n1 has 512 MiB free, wants 4096 MiB; n2 has 256 MiB free, wants 4096 MiB';

/** A client that answers each question for a VM with the next of `answers`, and the last one for ever. */
function answering(answers: readonly (Vm | ApiError)[]): ApiClient {
  const left = [...answers];
  const client = new FakeCluster().connect([]);
  const get = async (): Promise<Vm> => {
    const answer = left.length > 1 ? left.shift()! : left[0]!;
    if (answer instanceof ApiError) throw answer;
    return answer;
  };
  return { ...client, vms: { ...client.vms, get } };
}

function pending(message: string): Vm {
  const vm = vmNamed("big", { memoryMiB: 4096 });
  return { ...vm, status: { ...vm.status, message } };
}

test("waitUntilUp() gives up on a VM that fits no node, and says why", async () => {
  const waiting = waitUntilUp(answering([pending(MESSAGE)]), "big", { timeoutMs: 60_000, unplacedMs: 0 });
  await expect(waiting).rejects.toMatchObject({
    exitCode: EXIT.timeout,
    message: `VM "big" has no place. ${MESSAGE}.`,
    hint: expect.stringContaining("blixard vm delete big") as string,
  });
});

test("waitUntilUp() does not take a VM that nobody has looked at for one that fits no node", async () => {
  const waiting = waitUntilUp(answering([pending("")]), "big", { timeoutMs: 0, unplacedMs: 0 });
  await expect(waiting).rejects.toMatchObject({ message: 'VM "big" is not healthy after 0.0 s: Pending.' });
});

test("waitUntilUp() wants the instance of the present generation, healthy, with all its addresses", async () => {
  const health = {
    type: "tcp" as const,
    port: 80,
    path: "/",
    intervalMs: 1000,
    timeoutMs: 1000,
    failuresMax: 3,
    startMs: 0,
  };
  const up = running(vmNamed("web", { ports: [{ name: "http", guest: 80 }], health }));
  const not: readonly Vm[] = [
    { ...up, status: { ...up.status, health: "unhealthy" } },
    { ...up, metadata: { ...up.metadata, generation: 2 } },
    { ...up, status: { ...up.status, phase: "Crashed" } },
  ];
  for (const vm of not) {
    await expect(waitUntilUp(answering([vm]), "web", { timeoutMs: 0 })).rejects.toMatchObject({
      exitCode: EXIT.timeout,
    });
  }
  expect(await waitUntilUp(answering([up]), "web", { timeoutMs: 0 })).toBe(up);
});

test("waitUntilUp() outlives the loss of the node that it asks, and shows what it learns", async () => {
  const up = running(vmNamed("web"));
  const lost = new ApiError(0, "unreachable", "ECONNREFUSED");
  const seen: string[] = [];
  const vm = await waitUntilUp(answering([lost, { ...up, status: { ...up.status, phase: "Starting" } }, up]), "web", {
    timeoutMs: 10_000,
    everyMs: 1,
    onProgress: (words) => seen.push(words),
  });
  expect([vm, seen]).toEqual([up, ["Starting on n1"]]);
});

test("waitUntilUp() stops when it is told to", async () => {
  const stop = new AbortController();
  const waiting = waitUntilUp(answering([pending("")]), "big", { timeoutMs: 60_000, signal: stop.signal });
  stop.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
});

test("waitUntilUp() does not wait for a VM that was deleted", async () => {
  const waiting = waitUntilUp(answering([new ApiError(404, "not-found", "gone")]), "web", { timeoutMs: 60_000 });
  await expect(waiting).rejects.toMatchObject({ exitCode: EXIT.notFound });
});

test("waitUntilGone() passes on what waiting cannot mend", async () => {
  const refused = new ApiError(401, "unauthorized", "This is not the cluster's token");
  await expect(waitUntilGone(answering([refused]), "web", { timeoutMs: 60_000 })).rejects.toBe(refused);
});
