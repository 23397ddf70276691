/** `vm metrics` and `vm top`. */
import { beforeEach, expect, test } from "vitest";
import type { ClusterMetrics, VmMetrics } from "../../api/index.ts";
import { EXIT } from "../../cli/exit-codes.ts";
import { FakeCluster, running, vmNamed } from "./fake-cluster.ts";
import { runCommandLine, type Ran, type RunOptions } from "./run-command-line.ts";

const MIB = 1024 * 1024;

let cluster: FakeCluster;
beforeEach(() => {
  cluster = new FakeCluster();
  for (const name of ["db", "web"]) cluster.put(running(vmNamed(name)));
});

async function blixard(line: string, options: RunOptions = {}): Promise<Ran> {
  return runCommandLine([...line.split(" "), ...(line.includes("json") ? [] : ["--interval", "1ms"])], {
    cluster,
    ...options,
  });
}

function reading(vm: string, atMs: number, usage: VmMetrics["usage"] | string): VmMetrics {
  const known = { vm, node: "n1", instance: `${vm}-7`, phase: "Running" as const, vcpus: 1, memoryMiB: 128 };
  const read = typeof usage === "string" ? { error: usage } : { usage, error: "" };
  return { ...known, restarts: 2, atMs, ...read } as VmMetrics;
}

function cpu(cpuMs: number, residentMiB: number): VmMetrics["usage"] {
  return { cpuMs, residentBytes: residentMiB * MIB, upMs: 61_000, bootMs: 700 };
}

function said(...vms: readonly VmMetrics[]): ClusterMetrics {
  return { node: "n1", nodes: [{ name: "n1", phase: "Ready", vms: [...vms], error: "" }] };
}

test("vm metrics shows rates of one interval, by the node's clock, and no line for what is not known", async () => {
  cluster.metrics = [
    said(reading("web", 1000, { cpuMs: 500, residentBytes: MIB, readBytes: 0, upMs: 9000, bootMs: 700 })),
    said(reading("web", 3000, { cpuMs: 1000, residentBytes: 2 * MIB, readBytes: 4096, upMs: 11_000, bootMs: 700 })),
  ];
  expect(await blixard("vm metrics web")).toEqual({
    exitCode: EXIT.ok,
    err: "",
    out: [
      "VM:         web, Running on n1 (web-7)",
      "CPU:        25.0% of one processor; 1.0 s since its start, 1 vCPU",
      "Memory:     2.0 MiB held by the host, of 128 MiB",
      "Disk read:  4.0 KiB, 2.0 KiB/s",
      "Boot:       0.7 s",
      "Up:         11s",
      "Restarts:   2",
      "",
    ].join("\n"),
  });
});

test("vm metrics has no rates over a start of the guest, whose counters begin anew", async () => {
  cluster.metrics = [said(reading("web", 1000, cpu(5000, 10))), said(reading("web", 3000, cpu(100, 10)))];
  expect((await blixard("vm metrics web")).out).toMatch(/^CPU: +0\.1 s since its start, 1 vCPU$/m);
});

test("vm metrics -o json is one reading as its node gave it", async () => {
  cluster.metrics = [said(reading("web", 1000, cpu(500, 10)))];
  const { out } = await blixard("vm metrics web -o json");
  expect(JSON.parse(out)).toEqual(reading("web", 1000, cpu(500, 10)));
});

test("vm metrics refuses what runs nowhere, in the node's words", async () => {
  cluster.metrics = [said(reading("web", 1, "it was not there"))];
  const { exitCode, err } = await blixard("vm metrics web");
  expect(exitCode).toBe(EXIT.conflict);
  expect(err).toContain('Cannot read the metrics of VM "web": it was not there');
  expect((await blixard("vm metrics nobody")).exitCode).toBe(EXIT.notFound);
});

const TWICE = [
  said(reading("db", 1000, cpu(0, 90)), reading("mute", 1000, "it did not answer"), reading("web", 1000, cpu(0, 10))),
  said(
    reading("db", 2000, cpu(10, 90)),
    reading("mute", 2000, "it did not answer"),
    reading("web", 2000, cpu(900, 10)),
  ),
];

test("vm top shows all VMs once where there is no terminal, the busiest first, the unknown last", async () => {
  cluster.metrics = [...TWICE];
  const { out, exitCode } = await blixard("vm top");
  expect(exitCode).toBe(EXIT.ok);
  expect(out).toBe(
    [
      "1 node; 3 VMs, CPU 91.0%, memory 100.0 MiB",
      "",
      "NAME   NODE   STATUS    CPU     MEMORY     OF          READ   WRITTEN   UP    RESTARTS   MESSAGE",
      "web    n1     Running   90.0%   10.0 MiB   128.0 MiB   -      -         61s   2          -",
      "db     n1     Running   1.0%    90.0 MiB   128.0 MiB   -      -         61s   2          -",
      "mute   n1     Running   -       -          128.0 MiB   -      -         -     2          it did not answer",
      "",
    ].join("\n"),
  );
});

test("vm top --sort orders by memory and by name", async () => {
  for (const [order, names] of [
    ["memory", ["db", "web", "mute"]],
    ["name", ["db", "mute", "web"]],
  ] as const) {
    cluster.metrics = [...TWICE];
    const { out } = await blixard(`vm top --sort ${order}`);
    expect([...out.matchAll(/^(\w+) +n1 /gm)].map(([, name]) => name)).toEqual(names);
  }
  expect((await blixard("vm top --sort size")).exitCode).toBe(EXIT.usage);
});

test("vm top names the nodes that are silent and shows the others", async () => {
  const silent = { name: "n2", phase: "Lost" as const, vms: [], error: 'Cannot ask node "n2"' };
  cluster.metrics = TWICE.map(({ node, nodes }) => ({ node, nodes: [...nodes, silent] }));
  const { out } = await blixard("vm top --once");
  expect(out).toContain("2 nodes, 1 of them silent; 3 VMs");
  expect(out).toMatch(/\n\nNode n2 \(Lost\) is silent, and its VMs are missing here: Cannot ask node "n2"\n$/);
});

test("vm top draws over what it drew, within the screen, until Ctrl-C", async () => {
  const many = Array.from({ length: 30 }, (_, at) => reading(`vm-${at}`, 1000, cpu(0, 1)));
  cluster.metrics = [said(...many)];
  const abort = new AbortController();
  const { connect } = cluster;
  let asked = 0;
  cluster.connect = (urls) => ({
    ...connect.call(cluster, urls),
    clusterMetrics: async () => {
      if (++asked === 4) abort.abort();
      return cluster.metrics[0]!;
    },
  });
  const { out, exitCode } = await blixard("vm top", { interactive: true, interrupt: abort.signal });
  expect(exitCode).toBe(EXIT.ok);
  const screens = out.split("\u001b[H\u001b[J").slice(1);
  expect(screens).toHaveLength(3);
  for (const screen of screens) {
    expect(screen.split("\n").length).toBeLessThanOrEqual(12);
    expect(screen).toContain("… and 23 more");
  }
});
