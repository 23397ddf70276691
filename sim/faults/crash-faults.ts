/**
 * Crashes at named points (`../schedule/crash-point.ts`): the ports of one life are listened to until it comes by the point for the n-th time, and the
 * process ends there.
 *
 * While nobody waits for a point nothing is in the way: methods of a life's ports are replaced when a crash is armed, and put back when it is not
 * any more. From the point on nothing enters or leaves the process, though the handler that came by it runs to its end; the process is taken away
 * in the next event of the same time.
 */
import type { LogWrite } from "../../runtime/index.ts";
import type { AppliedVms, Cluster, GuestPoint } from "../cluster/cluster.ts";
import type { Process, SimNode } from "../cluster/sim-node.ts";
import { CRASH_POINTS, crashMark, type CrashPoint, type WriteKind } from "../schedule/crash-point.ts";
import type { FaultEndings } from "./fault-endings.ts";

/** A point that is not come by within this is given up. */
const ARMED_US = 20_000_000;

export interface CrashAt {
  readonly point: CrashPoint;
  /** Which time that it comes by, from 1. */
  readonly nth: number;
  readonly power: boolean;
  readonly downUs: number;
}

export class CrashFaults {
  readonly #cluster: Cluster;
  readonly #endings: FaultEndings;
  /** Lives that are armed. */
  readonly #armed = new Set<Process>();

  constructor(cluster: Cluster, endings: FaultEndings) {
    this.#cluster = cluster;
    this.#endings = endings;
    for (const point of CRASH_POINTS) cluster.crashes.set(crashMark(point), 0);
  }

  /** False when the process does not run, or a crash of it is armed already. */
  arm(node: SimNode, act: CrashAt): boolean {
    const { process } = node;
    if (process === null || this.#armed.has(process)) return false;
    this.#cluster.timeline.note(`fault crash-at ${node.index} ${act.point} ${act.nth}`);
    this.#armed.add(process);
    let left = act.nth;
    /** True when this was it. */
    const reach = (point: CrashPoint): boolean => {
      if (point !== act.point || !process.life.alive || --left !== 0) return false;
      disarm();
      this.#crash(node, process, act);
      return true;
    };
    const restore = this.#listen(process, reach);
    const disarm = (): void => {
      if (this.#armed.delete(process)) restore();
    };
    this.#endings.after(ARMED_US, disarm);
    return true;
  }

  #crash(node: SimNode, { life }: Process, { point, power, downUs }: CrashAt): void {
    const { timeline, crashes } = this.#cluster;
    timeline.note(`crash-point ${node.index} ${point}`);
    crashes.set(crashMark(point), (crashes.get(crashMark(point)) ?? 0) + 1);
    life.end();
    timeline.after(0, () => {
      if (node.process?.life !== life) return;
      if (power) node.losePower();
      else node.kill();
      this.#endings.afterAt(node.index, downUs, () => node.start());
    });
  }

  /** Answers what puts everything back. */
  #listen(process: Process, reach: (point: CrashPoint) => boolean): () => void {
    const { store, snapshots, node } = process;
    const { remoting } = process.world;
    const cluster = this.#cluster;
    const was = { store: { ...store }, snapshots: { ...snapshots }, remoting: remoting && { ...remoting } };
    store.append = (write, done) => {
      const kind = kindOf(write, node);
      was.store.append(write, (error) => {
        if (error !== undefined || kind === null || !reach(`${kind} synced`)) done(error);
      });
      if (kind !== null) reach(`${kind} written`);
    };
    store.compact = (through) => {
      was.store.compact(through);
      reach("log compacted");
    };
    snapshots.begin = (head, done) => {
      was.snapshots.begin(head, done);
      reach("snapshot begun");
    };
    snapshots.finish = (id, end, done) => {
      was.snapshots.finish(id, end, (error) => {
        if (error !== undefined || !reach("snapshot synced")) done(error);
      });
    };
    if (remoting !== undefined) {
      remoting.send = (envelope) => {
        was.remoting?.send(envelope);
        const type = typeOf(envelope.message);
        if (type !== null) reach(`${type} sent` as CrashPoint);
      };
    }
    const onGuest = (host: number, point: GuestPoint): void => {
      if (host === node.index) reach(point);
    };
    let before: AppliedVms | null = null;
    const onApply = (at: number, look: () => AppliedVms): void => {
      if (at !== node.index) return;
      const after = look();
      for (const point of before === null ? [] : appliedPoints(before, after)) reach(point);
      before = after;
    };
    cluster.guestListeners.add(onGuest);
    cluster.applyListeners.add(onApply);
    return () => {
      Object.assign(store, was.store);
      Object.assign(snapshots, was.snapshots);
      if (remoting !== undefined) Object.assign(remoting, was.remoting);
      cluster.guestListeners.delete(onGuest);
      cluster.applyListeners.delete(onApply);
    };
  }
}

const STAGES = {
  preparing: "migration begun",
  copying: "migration ready",
  stopping: "migration begun",
  moved: "migration taken over",
  ended: "migration ended",
} as const;

function appliedPoints(before: AppliedVms, after: AppliedVms): readonly CrashPoint[] {
  const points: CrashPoint[] = [];
  if ([...before.instances].some((instance) => !after.instances.has(instance))) points.push("instance released");
  if ([...after.instances].some((instance) => !before.instances.has(instance))) points.push("instance placed");
  for (const [id, stage] of after.migrations) if (before.migrations.get(id) !== stage) points.push(STAGES[stage]);
  return points;
}

/** Null for a write of a commit index alone, which is a hint. */
function kindOf({ reset, entries, hardState }: LogWrite, { disk }: SimNode): WriteKind | null {
  if (reset !== undefined) return "reset";
  if (entries.some(({ type }) => type === "configuration")) return "configuration";
  if (entries.length > 0) return "entries";
  const { term, vote } = disk.platter.hardState;
  if (hardState === undefined || (hardState.term === term && hardState.vote === vote)) return null;
  return hardState.vote === null ? "term" : "vote";
}

/** Of a message between members of Raft what it carries. */
function typeOf(message: unknown): string | null {
  const { type, message: inner } = (message ?? {}) as { readonly type?: unknown; readonly message?: unknown };
  if (type === "peer") return typeOf(inner);
  return typeof type === "string" ? type : null;
}
