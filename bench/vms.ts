/**
 * What the platform adds to QEMU, and what clones and moves cost. Beside raw QEMU, driven by a minimal script (vms/raw-qemu.ts) in turns with
 * the driver; both have the same command line, guest and checkpoint.
 */
import { freemem } from "node:os";
import { join } from "node:path";
import { cacheFolder } from "../cli/folders.ts";
import { ensureGuestImage } from "../guest/index.ts";
import type { GuestMetrics } from "../runtime/index.ts";
import { spreadRow, type Bench, type Row } from "./bench.ts";
import { move, type Move } from "./vms/blackout.ts";
import { streamRows } from "./vms/guest-streams.ts";
import { inLanes } from "./vms/lanes.ts";
import { COUNTING } from "./vms/line-watch.ts";
import { launchOf, MeasuredHost } from "./vms/measured-host.ts";
import { RawQemu } from "./vms/raw-qemu.ts";

const MIB = 1024 * 1024;
const TEMPLATE = "template";
/** Of the host's memory, with room to spare: a clone takes some 25 MiB. */
const CLONE_BYTES_MAX = 64 * MIB;

export const vmsBench: Bench = {
  name: "vms",
  summary: "boot, restore, clones and live migration of microVMs, beside raw QEMU",
  async run(progress, { quick }): Promise<readonly Row[]> {
    const { imagesDir, name } = await ensureGuestImage({ cacheDir: cacheFolder(process.env), onProgress: progress });
    const [first, second] = [new MeasuredHost(imagesDir), new MeasuredHost(imagesDir)];
    const standing = new MeasuredHost(imagesDir, { count: 1, each: 1 });
    try {
      const rows: Row[] = [];
      const add = async (what: string, measure: () => Promise<readonly Row[]>): Promise<void> => {
        progress(what);
        for (const row of await measure()) {
          rows.push(row);
          progress(`  ${row.measure}: ${row.value} ${row.unit} (${row.note})`);
        }
      };
      await add("boots", () => bootRows(first, join(imagesDir, name), quick ? 2 : 5));
      await add("restores", () => restoreRows(first, standing, quick ? 5 : 15));
      await add("streams", () => streamRows(first, quick ? 2 : 7));
      await add("moves", () => moveRows(first, second, quick ? 3 : 20));
      for (const count of quick ? [1, 10] : [1, 10, 50, 100]) {
        if (freemem() < count * CLONE_BYTES_MAX) {
          progress(`${count} clones: left out, ${Math.round(freemem() / MIB)} MiB are free`);
          continue;
        }
        await add(`${count} clones`, () => cloneRows(first, count));
      }
      return rows;
    } finally {
      await Promise.all([first, second, standing].map((host) => host.close()));
    }
  },
};

async function bootRows(host: MeasuredHost, image: string, rounds: number): Promise<readonly Row[]> {
  const [raw, own]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    raw.push(await RawQemu.boot(image, launchOf("raw")));
    const startMs = performance.now();
    await host.start(launchOf(`boot-${round}`));
    await host.event("booted", `boot-${round}`);
    own.push(performance.now() - startMs);
    await host.stop(`boot-${round}`);
  }
  return [
    spreadRow("boot, raw QEMU", raw, { unit: "ms", goal: "the same guest" }),
    spreadRow("boot", own, { unit: "ms", goal: `1.05 × raw + 50 ms is ${limit(raw, 1.05, 50)}` }),
  ];
}

/** In turns: raw QEMU, a host without standbys, one that has one ready each time. */
async function restoreRows(host: MeasuredHost, standing: MeasuredHost, rounds: number): Promise<readonly Row[]> {
  const checkpointMs = await makeTemplate(host);
  await makeTemplate(standing);
  const raw: { running: number; answered: number }[] = [];
  const [running, answered]: [number[], number[]] = [[], []];
  const [stoodBy, stoodByAnswered]: [number[], number[]] = [[], []];
  // What is found out once: versions, hashes, the page cache.
  for (const each of [host, standing]) await restore(each, "first", "same");
  for (let round = 0; round < rounds; round++) {
    // Before anything is timed: it is made beside whatever runs.
    await standing.standby();
    raw.push(await RawQemu.restore(host.checkpoint(TEMPLATE), launchOf("raw")));
    running.push(await restore(host, `same-${round}`, "same"));
    answered.push(await restore(host, `fresh-${round}`, "fresh"));
    stoodBy.push(await restore(standing, `same-${round}`, "same"));
    await standing.standby();
    stoodByAnswered.push(await restore(standing, `fresh-${round}`, "fresh"));
  }
  const rawAnswered = raw.map((one) => one.answered);
  const goal = `1.15 × raw + 10 ms is ${limit(rawAnswered, 1.15, 10)}`;
  return [
    { measure: "checkpoint of 128 MiB", value: Math.round(checkpointMs), unit: "ms", note: "once" },
    spreadRow(
      "restore to running, raw QEMU",
      raw.map((one) => one.running),
      { unit: "ms", goal: "the same checkpoint" },
    ),
    spreadRow("restore to running", running, { unit: "ms", goal: "under 60 ms" }),
    spreadRow("restore to running, by a standby", stoodBy, { unit: "ms", goal: "under 60 ms" }),
    spreadRow("restore to the first answer, raw QEMU", rawAnswered, { unit: "ms", goal: "with an identity given" }),
    spreadRow("restore to the first answer", answered, { unit: "ms", goal }),
    spreadRow("restore to the first answer, by a standby", stoodByAnswered, { unit: "ms", goal }),
  ];
}

/** Resolves with how long the checkpoint took. */
async function makeTemplate(host: MeasuredHost): Promise<number> {
  await host.start(launchOf("origin"));
  await host.event("booted", "origin");
  const startMs = performance.now();
  await host.verb((done) => host.hypervisor.verbs.checkpoint({ instance: "origin", id: TEMPLATE }, done));
  const tookMs = performance.now() - startMs;
  await host.stop("origin");
  return tookMs;
}

async function restore(host: MeasuredHost, instance: string, identity: "same" | "fresh"): Promise<number> {
  const beginMs = performance.now();
  await host.start(launchOf(instance, { type: "checkpoint", id: TEMPLATE, identity }));
  const tookMs = performance.now() - beginMs;
  await host.stop(instance);
  return tookMs;
}

async function cloneRows(host: MeasuredHost, count: number): Promise<readonly Row[]> {
  const names = Array.from({ length: count }, (_, at) => `clone-${count}-${at}`);
  const [startMs, startUsage] = [performance.now(), process.cpuUsage()];
  await inLanes(names, (name) => host.start(launchOf(name, { type: "checkpoint", id: TEMPLATE, identity: "same" })));
  const runningMs = performance.now() - startMs;
  await Promise.all(names.map((name) => host.event("heartbeat", name)));
  const beatingMs = performance.now() - startMs;
  const metrics = await Promise.all(
    names.map((name) => host.verb<{ metrics: GuestMetrics }>((done) => host.hypervisor.verbs.readMetrics(name, done))),
  );
  const { user, system } = process.cpuUsage(startUsage);
  const nodeMs = (user + system) / 1000;
  const guestMs = metrics.reduce((sum, one) => sum + one.metrics.cpuMs, 0);
  const bytes = metrics.reduce((sum, one) => sum + one.metrics.residentBytes, 0);
  await Promise.all(names.map((name) => host.stop(name)));
  const each = (value: number): string => `${(value / count).toFixed(1)} each`;
  return [
    { measure: `${count} clones until all run`, value: Math.round(runningMs), unit: "ms", note: each(runningMs) },
    {
      measure: `${count} clones until all have answered`,
      value: Math.round(beatingMs),
      unit: "ms",
      note: each(beatingMs),
    },
    {
      measure: `${count} clones, processor time until then`,
      value: Math.round(guestMs + nodeMs),
      unit: "ms",
      note: `QEMU ${each(guestMs)}, this process ${each(nodeMs)}`,
    },
    {
      measure: `${count} clones, memory`,
      value: Math.round(bytes / MIB),
      unit: "MiB",
      note: `${each(bytes / MIB)}${count === 50 ? ", within 1,536" : ""}`,
    },
  ];
}

async function moveRows(first: MeasuredHost, second: MeasuredHost, count: number): Promise<readonly Row[]> {
  const moves: Move[] = [];
  await first.start(launchOf("mover-0", undefined, COUNTING));
  await first.event("booted", "mover-0");
  let [from, to] = [first, second];
  for (let at = 0; at < count; at++) {
    moves.push(await move(from, to, "mover-0"));
    await from.stop("mover-0");
    [from, to] = [to, from];
  }
  return [
    spreadRow(
      "move: blackout by the guest's counter",
      moves.map((one) => one.blackoutMs),
      { unit: "ms", goal: "under 100 ms" },
    ),
    spreadRow(
      "move: longest gap in a second without one",
      moves.map((one) => one.usualMs),
      { unit: "ms", goal: "lines each 10 ms" },
    ),
    spreadRow(
      "move: downtime, as QEMU says",
      moves.map((one) => one.downtimeMs),
      { unit: "ms", goal: "limit 40 ms" },
    ),
    spreadRow(
      "move: from start to running there",
      moves.map((one) => one.totalMs),
      { unit: "ms", goal: `${count} of ${count}` },
    ),
  ];
}

function limit(values: readonly number[], factor: number, plus: number): string {
  const median = values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  return `${Math.round(median * factor + plus)} ms`;
}
