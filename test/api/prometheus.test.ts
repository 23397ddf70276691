/** `GET /metrics`: read by a parser of the format of our own, and by Prometheus' own `promtool` where that is installed. */
import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import type { Vm } from "../../actors/index.ts";
import { manifest, nodeResource, send, serveApi, type ServedApi } from "./api-fixture.ts";

const USAGE = { cpuMs: 1200, residentBytes: 50_000_000, readBytes: 1000, receivedBytes: 77, upMs: 9000, bootMs: 700 };

async function served(options: Parameters<typeof serveApi>[0] = {}): Promise<ServedApi> {
  const api = await serveApi(options);
  for (const name of ["db", "web"]) {
    const { body } = await send(api.url, "POST", "/api/v1/vms", manifest(name));
    const vm = body as Vm;
    const claim = { vcpus: 1, memoryMiB: 128, hostPorts: [] };
    const instance = { id: `${name}-1`, node: "n1", epoch: 1, generation: 1, stopping: false, claim };
    const status = { ...vm.status, phase: "Running" as const, restarts: 2, instance };
    api.system.tell(api.ref, api.replica.put({ ...vm, status }));
  }
  api.system.tell(api.ref, api.replica.put(nodeResource("n1", api.url)));
  api.readings.set("web-1", { ok: true, metrics: USAGE });
  api.readings.set("db-1", { ok: false, code: "not-running", message: "it has ended" });
  return api;
}

interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: Map<string, number>;
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABELS = String.raw`\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\n"])*",?)*\}`;

/** The format as Prometheus documents it (exposition formats, text format 0.0.4). @throws on what does not belong there. */
function parse(text: string): ReadonlyMap<string, Family> {
  const families = new Map<string, Family>();
  let help = "";
  let current = "";
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, word, name = "", rest = ""] = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line) ?? [];
    if (word === "HELP") help = rest;
    else if (word === "TYPE") {
      if (families.has(name)) throw new Error(`${name} is there twice`);
      families.set(name, { type: rest, help, samples: new Map() });
      current = name;
    } else {
      const [, sample = "", labels = "", value] =
        new RegExp(String.raw`^(${NAME})(${LABELS})? (-?[0-9.e+-]+|Nan|[+-]?Inf)$`).exec(line) ?? [];
      const base = sample.replace(/_(?:bucket|sum|count)$/, "");
      if (value === undefined || (sample !== current && base !== current)) throw new Error(`not understood: ${line}`);
      const { samples } = families.get(current)!;
      const key = `${sample}${labels}`;
      if (samples.has(key)) throw new Error(`${key} is there twice`);
      samples.set(key, Number(value));
    }
  }
  return families;
}

async function scrape(api: ServedApi): Promise<string> {
  const response = await fetch(`${api.url}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return response.text();
}

describe("GET /metrics", () => {
  test("tells what each VM of the node uses, Raft, the map and the process, in the format of Prometheus", async () => {
    const families = parse(await scrape(await served()));
    const valueOf = (family: string, labels = ""): number | undefined =>
      families.get(family)?.samples.get(`${family}${labels}`);
    expect(valueOf("blixard_vm_cpu_seconds_total", '{vm="web"}')).toBe(1.2);
    expect(valueOf("blixard_vm_memory_resident_bytes", '{vm="web"}')).toBe(50_000_000);
    expect(valueOf("blixard_vm_block_read_bytes_total", '{vm="web"}')).toBe(1000);
    expect(valueOf("blixard_vm_network_received_bytes_total", '{vm="web"}')).toBe(77);
    expect(valueOf("blixard_vm_boot_seconds", '{vm="web"}')).toBe(0.7);
    expect(valueOf("blixard_vm_restarts_total", '{vm="db"}')).toBe(2);
    // What is not known is not there: never 0.
    expect(families.has("blixard_vm_memory_balloon_bytes")).toBe(false);
    expect(valueOf("blixard_vm_cpu_seconds_total", '{vm="db"}')).toBeUndefined();
    expect(valueOf("blixard_vm_readable", '{vm="db"}')).toBe(0);
    expect(valueOf("blixard_map_vms", '{phase="Running"}')).toBe(2);
    expect(valueOf("blixard_map_nodes", '{phase="Ready"}')).toBe(1);
    expect(valueOf("blixard_raft_leader")).toBeDefined();
    expect(valueOf("process_cpu_seconds_total")).toBeGreaterThan(0);
    expect(valueOf("nodejs_eventloop_lag_mean_seconds")).toBeDefined();
    for (const [name, { type, help }] of families) {
      expect(help, name).not.toBe("");
      if (name.startsWith("blixard_")) expect(type, name).toBe(name.endsWith("_total") ? "counter" : "gauge");
    }
  });

  test("is made anew each time: counters are not added up, and what is gone is gone", async () => {
    const api = await served();
    await scrape(api);
    const vm = (await send(api.url, "GET", "/api/v1/vms/db")).body as Vm;
    api.system.tell(api.ref, api.replica.put({ ...vm, status: { ...vm.status, phase: "Stopped", instance: null } }));
    const families = parse(await scrape(api));
    expect([...(families.get("blixard_vm_restarts_total")?.samples ?? [])]).toEqual([
      ['blixard_vm_restarts_total{vm="web"}', 2],
    ]);
  });

  test("wants the token as the other routes do", async () => {
    const { url } = await served({ token: "secret" });
    // As a proxy would ask: from the host itself no token is wanted.
    const headers = { "x-forwarded-for": "10.0.0.9" };
    expect((await fetch(`${url}/metrics`, { headers })).status).toBe(401);
    const withToken = { ...headers, authorization: "Bearer secret" };
    expect((await fetch(`${url}/metrics`, { headers: withToken })).status).toBe(200);
  });

  const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;
  test.skipIf(!hasPromtool)(
    "passes promtool check metrics (skipped without promtool of Debian's prometheus)",
    async () => {
      const { status, stderr } = spawnSync("promtool", ["check", "metrics"], { input: await scrape(await served()) });
      // 1: it does not understand the page; 3: it would name something otherwise, as it does with what the library calls its own metrics.
      expect([0, 3]).toContain(status);
      expect(String(stderr)).not.toContain("blixard_");
    },
  );
});
