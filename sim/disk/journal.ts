/**
 * A journal on a simulated disk: what is called and what is durable are kept apart.
 *
 *     call ──▶ waiting ──sync delay──▶ carried out, durable ──▶ done
 *
 * All calls take effect in their order, each when its sync ends; reads wait behind what was called before them and take no sync of their
 * own. At a crash a prefix of what waits is carried out and told to nobody, the rest is lost: how long the prefix is, is drawn. The same
 * machine as in the LMDB journal decides; what differs is when.
 *
 * Several lives of several nodes may have it open at once, as a store that they all reach: then the epochs fence the one of another.
 */
import {
  CheckedJournal,
  JournalMachine,
  memoryBodies,
  MemoryTable,
  StoreError,
  type Journal,
  type JournalBackend,
  type NewEvent,
  type Random,
  type SnapshotContent,
} from "../../runtime/index.ts";
import type { DiskWeather } from "./device.ts";
import type { ProcessLife } from "../timeline/process-life.ts";
import type { Timeline } from "../timeline/timeline.ts";

type Backend = JournalBackend<NewEvent, SnapshotContent>;
type Call = Parameters<Backend["submit"]>[0];
type Done = Parameters<Backend["submit"]>[1];

interface Waiting {
  readonly call: Call;
  readonly life: ProcessLife;
  readonly done: Done;
}

export interface SimulatedJournalOptions {
  /** In error messages and notes of the timeline. */
  readonly name: string;
  readonly timeline: Timeline;
  readonly random: Random;
  readonly weather: DiskWeather;
}

/** What a read waits for when nothing is ahead of it: the page comes from memory. */
const READ_US = 5;

export class SimulatedJournal {
  /** Told of each call that is begun, by its type. Null: nobody writes it down. */
  onCall: ((type: string) => void) | null = null;
  readonly #options: SimulatedJournalOptions;
  readonly #machine = new JournalMachine(new MemoryTable());
  #waiting: Waiting[] = [];
  #syncedUs = 0;
  #hungUntilUs = 0;
  #failing = false;

  constructor(options: SimulatedJournalOptions) {
    this.#options = options;
  }

  /** Opens it for one life of a process. */
  open(life: ProcessLife): Journal {
    const { timeline, name } = this.#options;
    let failure: StoreError | null = null;
    return new CheckedJournal({
      path: name,
      ...memoryBodies,
      submit: (call, done) => {
        if (!life.alive) return;
        if (this.#failing && !isRead(call)) {
          this.#failing = false;
          failure = ioError(name);
        }
        const error = failure;
        if (error === null) this.#submit({ call, life, done });
        else timeline.after(0, () => life.enter(() => done(error)));
      },
      later: (run) => void timeline.after(0, () => life.enter(run)),
      close: (done) => void timeline.after(Math.max(0, this.#syncedUs - timeline.nowUs) + 1, () => life.enter(done)),
    });
  }

  /** No sync ends within `durationUs`. */
  hang(durationUs: number): void {
    this.#hungUntilUs = this.#options.timeline.nowUs + durationUs;
  }

  /** The next write reports an I/O error, and the journal of that life answers nothing else from then on. */
  failNextWrite(): void {
    this.#failing = true;
  }

  /** The process of that life ended: of its calls that wait, a prefix is carried out. Returns how many writes were lost. */
  crash(life: ProcessLife): number {
    const own = this.#waiting.filter((one) => one.life === life);
    const kept = new Set(own.slice(0, own.length === 0 ? 0 : this.#options.random.integer(own.length + 1)));
    this.#failing = false;
    // Those of other lives stay in their order behind what of this one is durable by now.
    for (const { call } of kept) this.#machine.run(call);
    this.#waiting = this.#waiting.filter((one) => one.life !== life);
    return own.filter((one) => !kept.has(one) && !isRead(one.call)).length;
  }

  #submit(waiting: Waiting): void {
    const { timeline, random, weather } = this.#options;
    const { syncMinUs, syncMeanUs, slowness } = weather;
    const syncUs = slowness * (syncMinUs - Math.log(1 - random.next()) * syncMeanUs);
    const startUs = Math.max(timeline.nowUs, this.#syncedUs, this.#hungUntilUs);
    this.#syncedUs = startUs + (isRead(waiting.call) ? READ_US : Math.ceil(syncUs));
    this.#waiting.push(waiting);
    this.onCall?.(waiting.call.type);
    timeline.after(this.#syncedUs - timeline.nowUs, () => this.#carryOutOldest(waiting));
  }

  /** Syncs end in order, whatever the order of events that are due at once. */
  #carryOutOldest(due: Waiting): void {
    if (!this.#waiting.includes(due)) return;
    const oldest = this.#waiting.shift() as Waiting;
    const answer = this.#machine.run(oldest.call);
    this.#options.timeline.note(`journal ${this.#options.name} ${oldest.call.type} ${answer.type}`);
    oldest.life.enter(() => oldest.done(answer));
  }
}

function isRead({ type }: Call): boolean {
  return type === "read" || type === "load-snapshot" || type === "list-streams";
}

function ioError(name: string): StoreError {
  return new StoreError("store-io", {
    message: `Cannot write the journal "${name}": I/O error`,
    path: name,
    hint: "replace the disk",
  });
}
