import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Vm } from "../../actors/index.ts";
import { ApiError, type DrainPlan } from "../../api/index.ts";
import { EXIT } from "../../cli/exit-codes.ts";
import { eventAbout, FakeCluster, nodeNamed, running, vmNamed } from "./fake-cluster.ts";
import { runCommandLine, type Ran } from "./run-command-line.ts";

let cluster: FakeCluster;
let cwd: string;
beforeEach(() => {
  cluster = new FakeCluster();
  cwd = mkdtempSync(join(tmpdir(), "blixard-cli-"));
});
afterEach(() => rmSync(cwd, { recursive: true }));

/** Splits at blanks; no argument of these tests holds one. */
async function blixard(line: string): Promise<Ran> {
  return runCommandLine(line.split(" "), { cluster, cwd });
}

const WEB = vmNamed("web", { ports: [{ name: "http", guest: 80, host: 8080 }], health: healthOn(80) });

function healthOn(port: number): NonNullable<(typeof WEB)["spec"]["health"]> {
  return { type: "http", port, path: "/", intervalMs: 1000, timeoutMs: 1000, failuresMax: 3, startMs: 60_000 };
}

test("get prints a table, in the order of names", async () => {
  cluster.put(running(WEB));
  cluster.put(vmNamed("db"));
  expect(await blixard("get vms")).toEqual({
    exitCode: EXIT.ok,
    out: [
      "NAME   STATUS    HEALTH    NODE   ADDRESS          RESTARTS   AGE",
      "db     Pending   -         -      -                0          60s",
      "web    Running   healthy   n1     127.0.0.1:8080   0          60s",
      "",
    ].join("\n"),
    err: "",
  });
});

test("get finds a resource as kubectl's users write it", async () => {
  cluster.put(WEB);
  cluster.put(nodeNamed("n1"));
  for (const line of ["get vm web", "get vms/web", "get VM/web", "vm get web"]) {
    expect((await blixard(`${line} -o name`)).out, line).toBe("vm/web\n");
  }
  for (const line of ["get no", "get nodes", "get node n1"]) {
    expect((await blixard(`${line} -o name`)).out, line).toBe("node/n1\n");
  }
});

test("get -o json prints what the API answers, without colour or ages", async () => {
  cluster.put(WEB);
  const { out } = await blixard("get vms -o json");
  expect(JSON.parse(out)).toEqual({ apiVersion: "blixard.dev/v1", kind: "VmList", version: 10, items: [WEB] });
  expect(JSON.parse((await blixard("get vm web -o json")).out)).toEqual(WEB);
});

test("get -o yaml prints a manifest's fields", async () => {
  cluster.put(WEB);
  expect((await blixard("get vm web -o yaml")).out).toContain("kind: Vm\nmetadata:\n  name: web\n");
});

test("get -o wide adds columns", async () => {
  cluster.put(nodeNamed("n1"));
  const { out } = await blixard("get nodes -o wide");
  expect(out.split("\n")[0]).toContain("LABELS");
  expect(out).toContain("zone=a");
});

test("get of an empty list says so on standard error only", async () => {
  expect(await blixard("get events")).toMatchObject({ exitCode: EXIT.ok, err: "There are none.\n" });
  expect(await blixard("get events -o name")).toEqual({ exitCode: EXIT.ok, out: "", err: "" });
});

test("get --watch prints the state and then each change, as it was asked for", async () => {
  cluster.put(running(WEB));
  const rows = (await blixard("get vms --watch")).out.trimEnd().split("\n");
  expect(rows.map((row) => row.split(/ {3,}/).slice(0, 2))).toEqual([
    ["NAME", "STATUS"],
    ["web", "Running"],
    ["web", "Deleted"],
  ]);
  const lines = (await blixard("get vms -w -o json")).out.trimEnd().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual(["put", "delete"]);
});

test("get refuses a kind that there is not, and says what was meant", async () => {
  expect(await blixard("get nods")).toMatchObject({
    exitCode: EXIT.usage,
    err: 'Error: Cannot get "nods": there is no such kind of resource.\nDid you mean "nodes"? Kinds are vms, nodes, checkpoints, events.\n',
  });
  expect((await blixard("get vm/web db")).err).toContain("it names two resources");
});

test("get of a name that there is not ends with its own exit code", async () => {
  expect(await blixard("get vm nope")).toEqual({
    exitCode: EXIT.notFound,
    out: "",
    err: 'Error: There is no VM "nope".\n',
  });
});

test("vm create makes a VM of its flags and waits until it is healthy", async () => {
  writeFileSync(join(cwd, "page"), "<h1>hi</h1>");
  const flags =
    "--memory 1GiB --vcpus 2 --port http=80:8080 --health http:80/up --env A=b=c --file /srv/p=page --label t=x";
  const { exitCode, out } = await blixard(`vm create web ${flags} -- httpd -f -p 80`);
  expect([exitCode, out]).toEqual([EXIT.ok, "vm/web created on n1, http 127.0.0.1:8080\n"]);
  const vm = cluster.resources.get("Vm/web");
  expect(vm).toMatchObject({
    metadata: { labels: { t: "x" } },
    spec: {
      memoryMiB: 1024,
      vcpus: 2,
      command: ["httpd", "-f", "-p", "80"],
      env: { A: "b=c" },
      files: [{ path: "/srv/p", content: "<h1>hi</h1>", mode: "0644" }],
      ports: [{ name: "http", guest: 80, host: 8080 }],
      health: { type: "http", port: 80, path: "/up" },
    },
  });
});

test("vm create gives a VM the cards of its flags, and vm describe shows each with its address", async () => {
  const flags = "--network out=user --network lan=tap:br0,address=10.1.0.5/24,gateway=10.1.0.1,mac=02:00:00:00:00:0A";
  expect((await blixard(`vm create web ${flags}`)).exitCode).toBe(EXIT.ok);
  const lan = { name: "lan", kind: "tap", bridge: "br0", address: "10.1.0.5/24", gateway: "10.1.0.1" };
  expect(cluster.resources.get("Vm/web")).toMatchObject({
    spec: {
      networks: [
        { name: "out", kind: "user" },
        { ...lan, mac: "02:00:00:00:00:0A" },
      ],
    },
  });
  expect((await blixard("vm describe web")).out).toMatch(
    /Networks: +out \(user, 02(:[0-9a-f]{2}){5}\), lan \(tap in br0, 02:00:00:00:00:0a, 10\.1\.0\.5\/24, by 10\.1\.0\.1\)\n/,
  );
});

test("vm create names the flag that is wrong, or the field", async () => {
  for (const [flags, words] of [
    ["--memory lots", '--memory is "lots", expected 128, 128MiB, 1GiB'],
    ["--port 80", '--port is "80", expected NAME=GUEST or NAME=GUEST:HOST'],
    ["--health icmp:1", '--health is "icmp:1", expected http:PORT/PATH, tcp:PORT, exec:COMMAND or heartbeat'],
    ["--network lan", '--network is "lan", expected NAME=user, or NAME=tap:BRIDGE'],
    ["--network lan=tap:br0,speed=9", '--network is "lan=tap:br0,speed=9", expected NAME=user'],
    ["--network lan=macvtap:eth0", 'spec.networks[0].kind: expected "user" or "tap", got "macvtap"'],
    ["--vcpus 0", "spec.vcpus: expected an integer from 1 to 256, got 0"],
    ["--health tcp:80", "spec.health.port: expected a guest port that spec.ports forwards"],
    ["--file /srv/p=none", 'file "none" cannot be read (ENOENT)'],
  ] as const) {
    const { exitCode, err } = await blixard(`vm create web ${flags}`);
    expect(err, flags).toContain(words);
    expect([exitCode, err.split("\n")[0]]).toEqual([EXIT.usage, expect.stringContaining('Cannot create VM "web"')]);
  }
  expect(cluster.writes).toEqual([]);
});

test("vm create of a name that is taken is a conflict", async () => {
  cluster.put(WEB);
  expect(await blixard("vm create web")).toMatchObject({
    exitCode: EXIT.conflict,
    err: 'Error: Cannot create VM "web": a VM of that name exists.\n',
  });
});

test("vm create says how a VM ended that was not to run again", async () => {
  cluster.settle = (vm) => ({ ...vm, status: { ...vm.status, phase: "Completed", message: "it ended with status 3" } });
  expect((await blixard("vm create once --restart never")).out).toBe(
    "vm/once created, completed: it ended with status 3\n",
  );
});

test("vm create gives up after its timeout and says how the VM is", async () => {
  cluster.settle = (vm) => ({ ...vm, status: { ...vm.status, phase: "Crashed", message: "it ended with status 1" } });
  const { exitCode, err } = await blixard("vm create web --timeout 1ms");
  expect([exitCode, err]).toEqual([
    EXIT.timeout,
    expect.stringContaining('VM "web" is not healthy after 0.0 s: Crashed: it ended with status 1.'),
  ]);
});

test("vm create --no-wait returns at once", async () => {
  cluster.settle = (vm) => vm;
  expect(await blixard("vm create web --no-wait")).toEqual({ exitCode: EXIT.ok, out: "vm/web created\n", err: "" });
});

test("vm pause, resume and restart wait until it is so, and say it", async () => {
  const web = running(vmNamed("web"));
  const paused: Vm = { ...web, status: { ...web.status, phase: "Paused" } };
  cluster.put(web);
  cluster.turn = (vm) => [vm, paused];
  expect((await blixard("vm pause web")).out).toBe("vm/web paused\n");
  cluster.turn = (vm) => [vm, web];
  expect((await blixard("vm resume web")).out).toContain("vm/web resumed");
  const instance = { ...web.status.instance!, id: "web-8" };
  cluster.turn = (vm) => [vm, { ...web, status: { ...web.status, instance } }];
  expect((await blixard("vm restart web")).out).toContain("vm/web restarted");
  expect((await blixard("vm pause web --no-wait")).out).toBe("vm/web pausing\n");
  expect(cluster.writes).toEqual(["pause web", "resume web", "restart web", "pause web"]);
});

test("vm migrate says what it would be, where the VM came to and for how long it stood still, or why it stayed", async () => {
  const web = running(vmNamed("web"));
  cluster.put(web);
  expect((await blixard("vm migrate web --to n2 --dry-run")).out).toBe(
    'CHECK   FITS   FOUND\ncpu     yes    cpu "any"\n' +
      "vm/web could move live from n1 to n2: 128 MiB of memory, 512 MiB free there; at least 1.1 s. Nothing has moved.\n",
  );
  cluster.planFails = "no such cpu";
  expect(await blixard("vm migrate web --to n2 --dry-run")).toMatchObject({
    exitCode: 1,
    out: "CHECK   FITS   FOUND\ncpu     no     no such cpu\n",
    err: expect.stringContaining("blixard vm migrate web --to n2 --cold"),
  });
  cluster.planFails = "";
  const limits = { bandwidthBytesPerSecond: 1, downtimeMs: 1, autoConverge: true, timeoutMs: 1000 };
  const migration = { id: "m", node: "n2", epoch: 1, phase: "preparing", limits, startedAtMs: 0 } as const;
  const about = { id: "m", from: "n1", to: "n2", message: "", atMs: 0 } as const;
  const under = (status: Partial<Vm["status"]>): Vm => ({ ...web, status: { ...web.status, ...status } });
  const moved = under({ lastMigration: { ...about, outcome: "moved", lastPagesMs: 30, takeOverMs: 5 } });
  cluster.turn = () => [under({ migration }), moved];
  expect((await blixard("vm migrate web --to n2 --bandwidth 50MiB")).out).toBe(
    "vm/web moved from n1 to n2, stood still for 35 ms\n",
  );
  cluster.turn = () => [
    under({ migration }),
    under({ lastMigration: { ...about, outcome: "ended", message: "the connection was lost" } }),
  ];
  expect(await blixard("vm migrate web --to n2")).toMatchObject({
    exitCode: 1,
    err: expect.stringContaining('VM "web" did not move, and runs on n1: the connection was lost.'),
  });
  expect((await blixard("vm migrate web --cancel")).out).toBe("vm/web stays on n1\n");
  const stopped = under({
    instance: { ...web.status.instance!, node: "n2" },
    lastMigration: { ...about, outcome: "moved", cold: true },
  });
  cluster.turn = () => [under({ migration: { ...migration, phase: "stopping" } }), stopped];
  expect((await blixard("vm migrate web --to n2 --cold")).out).toBe("vm/web moved from n1 to n2 by stop and start\n");
  expect(await blixard("vm migrate web")).toMatchObject({ exitCode: 2 });
  expect(await blixard("vm migrate web --to n2 --live --cold")).toMatchObject({ exitCode: 2 });
  expect(await blixard("vm migrate web --to n2 --bandwidth fast")).toMatchObject({ exitCode: 2 });
  const live = "migrate to n2 of web";
  expect(cluster.writes).toEqual([live, live, "cancel migration of web", "cold migrate to n2 of web"]);
});

test("node drain shows what would become of each VM, waits until the node is empty, and says what is left of one that ended", async () => {
  const n2 = nodeNamed("n2");
  cluster.put(n2);
  const drain = { id: 7, phase: "draining", limits: { liveOnly: false, atOnce: 2, timeoutMs: 1 } } as const;
  const at = { untilMs: 0, startedAtMs: 0 };
  const steps: DrainPlan["steps"] = [
    { vm: "db", how: "stays", to: "", why: "it is paused" },
    { vm: "web", how: "live", to: "n1", why: "" },
  ];
  cluster.drainPlans = [{ node: "n2", drain: null, steps }];
  expect((await blixard("node drain n2 --dry-run")).out).toBe(
    "VM    HOW     TO   WHY\ndb    stays   -    it is paused\nweb   live    n1   -\n" +
      "node/n2: 1 live, 0 by stop and start, 0 on their way, 0 that something else is under way with, 1 that stay. Nothing has moved.\n",
  );
  cluster.drainPlans = [
    { node: "n2", drain: { ...drain, ...at }, steps },
    { node: "n2", drain: { ...drain, ...at, phase: "drained" }, steps: [] },
  ];
  expect((await blixard("node drain n2 --at-once 4")).out).toBe("node/n2 drained\n");
  cluster.drainPlans = [{ node: "n2", drain: { ...drain, ...at, phase: "ended" }, steps: steps.slice(0, 1) }];
  expect(await blixard("node drain n2 --live-only --timeout 1m")).toMatchObject({
    exitCode: 1,
    err: expect.stringContaining('Node "n2" is not drained: its time is over; left there: db (stays: it is paused).'),
  });
  expect((await blixard("node undrain n2")).out).toBe("node/n2 open\n");
  expect(cluster.writes).toEqual([
    'drain n2 {"liveOnly":false,"atOnce":4,"timeoutMs":3600000}',
    'drain n2 {"liveOnly":true,"atOnce":2,"timeoutMs":60000}',
    "undrain n2",
  ]);
});

test("vm start, stop and delete say what became of each VM", async () => {
  cluster.put(running(WEB));
  expect((await blixard("vm stop web")).out).toBe("vm/web stopped\n");
  expect((await blixard("vm start web")).out).toBe("vm/web started on n1, http 127.0.0.1:8080\n");
  expect((await blixard("vm delete web --no-wait")).out).toBe("vm/web deleting\n");
  expect(cluster.writes).toEqual(["stop web", "start web", "delete web"]);
  expect(await blixard("vm delete web")).toMatchObject({ exitCode: EXIT.notFound });
});

test("vm logs prints the last lines", async () => {
  cluster.put(WEB);
  cluster.logLines = ["one", "two", "three"];
  expect((await blixard("vm logs web --tail 2")).out).toBe("two\nthree\n");
  expect((await blixard("vm logs web --tail x")).exitCode).toBe(EXIT.usage);
});

test("vm describe shows what was asked for, what is, and what happened", async () => {
  cluster.put(running(WEB));
  cluster.put(eventAbout("web", "Started", 8));
  cluster.put(eventAbout("db", "Crashed", 9));
  const { out } = await blixard("vm describe web");
  expect(out).toMatch(/^Status: +Running, for 60s$/m);
  expect(out).toMatch(/^Instance: +web-7 \(lease epoch 3, generation 1\)$/m);
  expect(out).toMatch(/^Usage: +not known: Cannot read the metrics of VM "web": it runs nowhere$/m);
  expect(out).toMatch(/^Conditions:\n {2}CONDITION +HOLDS +FOR +WHY\n {2}Scheduled +yes +- +on node n1$/m);
  expect(out).toMatch(/^Health check: +GET \/ on port 80 every 1000 ms/m);
  expect(out).toContain("Started it");
  expect(out).not.toContain("Crashed");
});

test("vm describe says of a NixOS configuration what runs it and where it is from", async () => {
  const vm = running(WEB);
  cluster.put({ ...vm, spec: { ...vm.spec, microvm: { hypervisor: "firecracker", flake: "github:me/config#web" } } });
  expect((await blixard("vm describe web")).out).toMatch(
    /^Image: +NixOS for firecracker, flake github:me\/config#web$/m,
  );
  cluster.put({ ...vm, spec: { ...vm.spec, microvm: { hypervisor: "qemu", module: "{ }" } } });
  expect((await blixard("vm describe web")).out).toMatch(/^Image: +NixOS for qemu, a module of 3 characters$/m);
});

test("apply says what it did to each VM", async () => {
  const manifest = (name: string, vcpus: number): string =>
    `apiVersion: blixard.dev/v1\nkind: Vm\nmetadata: { name: ${name} }\nspec: { vcpus: ${vcpus} }\n`;
  writeFileSync(join(cwd, "vm.yaml"), `${manifest("a", 1)}---\n${manifest("b", 1)}`);
  expect((await blixard("apply -f vm.yaml")).out).toBe("vm/a created\nvm/b created\n");
  writeFileSync(join(cwd, "vm.yaml"), `${manifest("a", 1)}---\n${manifest("b", 2)}`);
  expect((await blixard("apply -f vm.yaml --wait")).out).toBe("vm/a unchanged\nvm/b configured\n");
});

test("apply writes nothing when a manifest is wrong", async () => {
  writeFileSync(
    join(cwd, "vm.yaml"),
    "apiVersion: blixard.dev/v1\nkind: Vm\nmetadata: { name: a }\nspec: { vcpu: 1 }\n",
  );
  const { exitCode, err } = await blixard("apply -f vm.yaml");
  expect(exitCode).toBe(EXIT.usage);
  expect(err).toContain('vm.yaml:4:9: unknown field "vcpu" in spec; did you mean "vcpus"?');
  expect(cluster.writes).toEqual([]);
});

test("apply shows every problem that only the cluster finds", async () => {
  const problem = {
    field: "/spec/image",
    expected: "an image",
    got: '"x"',
    message: 'spec.image: expected an image, got "x"',
  };
  cluster.settle = () => {
    throw new ApiError(422, "invalid", "The body is not valid", { details: { problems: [problem] } });
  };
  writeFileSync(join(cwd, "vm.yaml"), "apiVersion: blixard.dev/v1\nkind: Vm\nmetadata: { name: a }\nspec: {}\n");
  expect(await blixard("apply -f vm.yaml")).toMatchObject({
    exitCode: EXIT.usage,
    err: 'Error: The body is not valid.\n  - spec.image: expected an image, got "x"\n',
  });
});

test("a problem that the message itself tells is not told twice", async () => {
  const problem = { field: "/name", expected: "a name", got: '"x"', message: "name: expected a name" };
  cluster.settle = () => {
    throw new ApiError(400, "invalid-parameter", `Cannot read the request: ${problem.message}`, {
      details: { problems: [problem] },
    });
  };
  expect((await blixard("vm create web")).err).toBe("Error: Cannot read the request: name: expected a name.\n");
});

test("events prints the newest last", async () => {
  cluster.put(eventAbout("web", "Started", 12));
  cluster.put(eventAbout("web", "Created", 4));
  const reasons = (await blixard("events")).out.split("\n").map((line) => line.split(/ {3,}/)[2]);
  expect(reasons.slice(1, 3)).toEqual(["Created", "Started"]);
});

test("cluster status shows the leader, and who does not answer", async () => {
  const { out } = await blixard("cluster status");
  expect(out).toContain("Leader n1, term 3; 1 of 2 nodes ready; as node n1 sees it");
  expect(out).toMatch(/^n2 +Lost +unreachable +- +- +- +- +- +http:\/\/127\.0\.0\.1:7202 +ECONNREFUSED$/m);
});

test("an error of the API becomes its exit code, without a stack", async () => {
  for (const [code, exitCode] of [
    ["no-leader", EXIT.unreachable],
    ["outcome-unknown", EXIT.unreachable],
    ["conflict", EXIT.conflict],
    ["internal", EXIT.failed],
  ] as const) {
    cluster.settle = () => {
      throw new ApiError(500, code, "It did not work");
    };
    const ran = await blixard("vm create web");
    expect([ran.exitCode, ran.out], code).toEqual([exitCode, ""]);
    expect(ran.err).toMatch(/^Error: It did not work\.\n/);
    expect(ran.err).not.toContain("    at ");
  }
});

test("a bug is told as one, without a stack", async () => {
  cluster.settle = () => {
    throw new TypeError("x is undefined");
  };
  const { exitCode, err } = await blixard("vm create web");
  expect(exitCode).toBe(EXIT.failed);
  expect(err).toMatch(/^Error: x is undefined\nThis looks like a fault of Blixard/);
  expect(err).not.toContain("    at ");
});

test("a command line that cannot be read is a usage error with a way out", async () => {
  for (const line of ["frob", "vm", "get", "get vms -o xml", "vm create", "up --nodes 0", "apply"]) {
    const { exitCode, err } = await blixard(line);
    expect([exitCode, err.length > 0], line).toEqual([EXIT.usage, true]);
    expect(err).not.toContain("    at ");
  }
  expect((await blixard("vm crate web")).err).toContain("Did you mean create?");
  expect((await blixard("aply")).err).toContain("Did you mean apply?");
});

test("a mistake points to the help of its own command", async () => {
  for (const [line, help] of [
    ["frob", "blixard --help"],
    ["--frob", "blixard --help"],
    ["get", "blixard get --help"],
    ["vm frob", "blixard vm --help"],
    ["vm create", "blixard vm create --help"],
    ["vm logs web --tail x", "blixard vm logs --help"],
  ] as const) {
    expect((await blixard(line)).err, line).toContain(`See "${help}".`);
  }
});

test("a verb of VMs that stands alone, as in kubectl, is told its place", async () => {
  for (const line of ["logs web", "describe vm web", "delete vm web", "stop web"]) {
    expect(await blixard(line), line).toMatchObject({
      exitCode: EXIT.usage,
      err: expect.stringContaining(`(Did you mean vm ${line.split(" ")[0]}?)`),
    });
  }
});

test("vm takes names as they are printed, vm/web", async () => {
  cluster.put(running(WEB));
  cluster.logLines = ["one"];
  expect((await blixard("vm logs vm/web")).out).toBe("one\n");
  expect((await blixard("vm describe VMs/web")).out).toContain("web");
  expect((await blixard("vm get vm/web -o name")).out).toBe("vm/web\n");
  expect((await blixard("vm stop vm/web")).out).toBe("vm/web stopped\n");
  expect((await blixard("vm delete vm/web")).out).toBe("vm/web deleted\n");
  expect(await blixard("vm stop node/n1")).toMatchObject({
    exitCode: EXIT.usage,
    err: 'Error: Cannot take "node/n1" for a VM: it names another kind of resource.\nWrite "NAME" or "vm/NAME".\n',
  });
});

test("--help shows defaults as people write them", async () => {
  const { out } = await blixard("vm create --help");
  expect(out).toContain("(default: 2m)");
  expect(out).not.toContain("[])");
  expect((await blixard("sim --help")).out).toContain("(default: 10m)");
});

test("every command's --help has an example, and exits 0", async () => {
  for (const line of [
    "",
    "up ",
    "down ",
    "vm ",
    "vm create ",
    "vm logs ",
    "apply ",
    "get ",
    "events ",
    "node ",
    "sim ",
    "completion ",
    "cluster status ",
  ]) {
    const { exitCode, out } = await blixard(`${line}--help`);
    expect([exitCode, out.includes("Examples:")], line).toEqual([EXIT.ok, true]);
  }
});

test("version names this program and its Node.js", async () => {
  expect((await blixard("version")).out).toMatch(/^blixard \d+\.\d+\.\d+ \(Node\.js v\d+/);
});
