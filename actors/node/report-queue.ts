/**
 * What a node has to say to the map about its instances, one proposal an instance at a time, the newest word last.
 *
 * An observation that was not sent yet is replaced by a newer one: the map wants to know how it is, not how it was. A
 * release is final and replaces everything. Nothing is forgotten before the map has answered.
 *
 * An observation that is no news is kept and not said, until it is: what this node has seen of the map may be old, and somebody else's entry,
 * committed before, may turn it. So the map comes to show the last that was observed, as if each word had been said.
 */
import type { Command, Observation } from "../cluster/commands.ts";
import type { VmReport } from "../vm/vm-message.ts";
import type { Lease } from "./wishes.ts";

type Word =
  | { readonly type: "observe"; readonly observation: Observation }
  | Release
  | { readonly type: "give-back"; readonly message: string };

interface Release {
  readonly type: "release";
  readonly phase: "Stopped" | "Completed";
  readonly message: string;
}

interface Entry {
  readonly vm: string;
  waiting: Word | null;
  sent: Word | null;
  /** The instance has left while `sent` was under way: what failed is not said again, it may be news of the next time that it is here. */
  isOver: boolean;
}

/** Whether the map, as far as it has been seen, has that instance of that VM here and shows something else of it. */
export type IsNews = (vm: string, instance: string, observation: Observation) => boolean;

export class ReportQueue {
  readonly #entries = new Map<string, Entry>();
  readonly #isNews: IsNews;

  constructor(isNews: IsNews) {
    this.#isNews = isNews;
  }

  /** Takes up what a VmActor has reported. What is silent the map has forgotten, or it will not listen. */
  hear(vm: string, report: Extract<VmReport, { readonly type: "vm-observed" | "vm-released" }>): void {
    const { instance } = report;
    if (report.type === "vm-observed")
      return this.put(vm, instance, { type: "observe", observation: report.observation });
    const { phase, message, silent } = report;
    if (silent) return this.#forget(instance);
    if (phase === "Unstartable") this.put(vm, instance, { type: "give-back", message });
    else this.put(vm, instance, { type: "release", phase, message });
  }

  put(vm: string, instance: string, word: Word): void {
    const entry = this.#entries.get(instance) ?? { vm, waiting: null, sent: null, isOver: false };
    this.#entries.set(instance, entry);
    entry.isOver = false;
    if (!isFinal(entry.waiting) && !isFinal(entry.sent)) entry.waiting = word;
  }

  /** The command to propose next for this instance; null while one is under way or there is nothing to say, or nothing new. */
  next(instance: string, lease: Lease): Command | null {
    const entry = this.#entries.get(instance);
    if (entry === undefined || entry.sent !== null || entry.waiting === null) return null;
    if (entry.waiting.type === "observe" && !this.#isNews(entry.vm, instance, entry.waiting.observation)) return null;
    entry.sent = entry.waiting;
    entry.waiting = null;
    return { ...entry.sent, ...lease, vm: entry.vm, instance };
  }

  /**
   * The map has answered, whatever it said; `understood` is false when the cluster has members that could not apply it. Giving an instance
   * back is then said as a release, which all know.
   */
  answered(instance: string, understood = true): void {
    const entry = this.#entries.get(instance);
    if (entry === undefined) return;
    const { sent } = entry;
    entry.sent = null;
    if (!understood && sent?.type === "give-back") {
      entry.waiting = { type: "release", phase: "Stopped", message: sent.message };
    }
    if (entry.waiting === null) this.#entries.delete(instance);
  }

  /** No answer: it is said again, unless something newer waits. */
  failed(instance: string): void {
    const entry = this.#entries.get(instance);
    if (entry === undefined) return;
    if (entry.isOver && !isFinal(entry.sent)) {
      this.#entries.delete(instance);
      return;
    }
    if (entry.waiting === null || isFinal(entry.sent)) entry.waiting = entry.sent;
    entry.sent = null;
  }

  /** Instances that have something to say, new or not. */
  waiting(): string[] {
    return [...this.#entries]
      .filter(([, entry]) => entry.waiting !== null && entry.sent === null)
      .map(([instance]) => instance);
  }

  clear(): void {
    this.#entries.clear();
  }

  /** What is under way is heard of yet. */
  #forget(instance: string): void {
    const entry = this.#entries.get(instance);
    if (entry === undefined || isFinal(entry.waiting)) return;
    entry.waiting = null;
    entry.isOver = true;
    if (entry.sent === null) this.#entries.delete(instance);
  }
}

function isFinal(word: Word | null): boolean {
  return word?.type === "release" || word?.type === "give-back";
}
