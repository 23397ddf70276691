/** What nodes may say of instances, and what they may not. */
import { expect, test } from "vitest";
import { observation, SampleMap } from "./sample-map.ts";

function running(): SampleMap {
  const map = new SampleMap();
  map.join("n1");
  map.create("web");
  map.place("web", "n1");
  return map;
}

test("observe takes over what the node sees and records what people want to know", () => {
  const map = running();
  const addresses = [{ name: "http", guest: 80, address: "10.0.0.1", port: 4711 }];
  map.observe("web", { addresses });
  map.observe("web", { addresses, health: "healthy" });
  map.observe("web", { addresses, health: "unhealthy", message: "http 500" });
  map.observe("web", { phase: "Crashed", message: "exit 1" });
  map.observe("web", { restarts: 1 });
  expect(map.vm("web").status).toMatchObject({ phase: "Running", restarts: 1, health: "unknown", addresses: [] });
  expect(map.reasons().slice(3)).toEqual(["Started", "Healthy", "Unhealthy", "GuestCrashed", "Started"]);
  expect(map.events().at(-1)?.spec.message).toBe('VM "web" runs on node "n1", restarted once');
});

test("observe of the same changes nothing and keeps the time of the last turn", () => {
  const map = running();
  map.observe("web", { health: "healthy" });
  const { sinceMs } = map.vm("web").status;
  expect(map.observe("web", { health: "healthy" })).toMatchObject({ ok: true, changed: false });
  expect(map.observe("web", { health: "healthy", message: "slow" })).toMatchObject({ ok: true, changed: true });
  expect(map.vm("web").status.sinceMs).toBe(sinceMs);
});

test("observe does not bring back an instance that is to stop", () => {
  const map = running();
  map.do({ type: "set-running", name: "web", running: false });
  map.stop("web");
  map.observe("web", { phase: "Running", health: "healthy" });
  expect(map.vm("web").status).toMatchObject({ phase: "Stopping", message: "the VM was stopped" });
});

test.each(["observe", "release"] as const)("%s is refused under another epoch, node or instance", (type) => {
  const map = running();
  const held = map.held("web");
  const say = (who: typeof held) =>
    type === "observe"
      ? map.do({ type, ...who, observation: observation() })
      : map.do({ type, ...who, phase: "Stopped", message: "" });
  for (const who of [
    { ...held, epoch: 0 },
    { ...held, node: "n2" },
    { ...held, instance: "web-1" },
    { ...held, vm: "db" },
  ]) {
    expect(say(who)).toMatchObject({ ok: false, code: "stale" });
  }
  expect(map.vm("web").status).toMatchObject({ phase: "Starting", instance: { id: held.instance } });
  map.join("n1", {}, [held.instance]);
  expect(say(held)).toMatchObject({ ok: false, code: "stale" });
});

test("release makes a VM that should run pending, one that should not stopped", () => {
  const map = running();
  map.release("web");
  expect(map.vm("web").status).toMatchObject({ phase: "Pending", instance: null, message: "asked to" });
  map.place("web", "n1");
  map.do({ type: "set-running", name: "web", running: false });
  map.release("web");
  expect(map.vm("web").status.phase).toBe("Stopped");
});

test("release remembers which instance ran last, and where, until another one ends", () => {
  const map = running();
  const { instance } = map.vm("web").status;
  map.release("web", "Completed");
  const last = { id: instance?.id, node: instance?.node };
  expect(map.vm("web").status.lastInstance).toEqual(last);
  map.do({ type: "set-running", name: "web", running: true });
  expect(map.vm("web").status.lastInstance).toEqual(last);
});

test("release of a guest that completed an older spec makes the VM pending", () => {
  const map = running();
  const { spec } = map.vm("web");
  map.do({ type: "apply-vm", name: "web", labels: {}, spec: { ...spec, vcpus: 2 } });
  map.release("web", "Completed");
  expect(map.vm("web").status.phase).toBe("Pending");
});

test("give-back makes the VM pending and remembers where it did not start, until it runs", () => {
  const map = new SampleMap();
  map.join("n1");
  map.join("n2");
  map.create("web");
  const giveBack = (node: string): void => {
    map.place("web", node);
    expect(map.do({ type: "give-back", ...map.held("web"), message: `no image on ${node}` })).toMatchObject({
      ok: true,
    });
  };
  for (const node of ["n1", "n2", "n1"]) giveBack(node);
  expect(map.vm("web").status).toMatchObject({
    phase: "Pending",
    instance: null,
    message: "no image on n1",
    failedOn: [
      { node: "n2", message: "no image on n2" },
      { node: "n1", message: "no image on n1" },
    ],
  });
  expect(map.reasons()).toContain("StartFailed");
  map.place("web", "n2");
  map.observe("web", { phase: "Starting" });
  expect(map.vm("web").status.failedOn).toHaveLength(2);
  map.observe("web");
  expect(map.vm("web").status).not.toHaveProperty("failedOn");
});
