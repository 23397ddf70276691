/**
 * Faults of disks, put between a member and its host's disk on purpose: stores that do not keep what `runtime/ports` promises. The
 * checkers look at what is durable and at what members do, so they must notice.
 *
 * By their number in the list of faults of real systems; those of Raft itself are in `actors/raft/core/planted-faults.ts`, what each is
 * and how it is found in docs/seeds-to-find.md.
 */
import type { LoadedLog, LogStore, LogWrite, MemberIdentity, SnapshotStore } from "../../runtime/index.ts";
import type { Process } from "../cluster/sim-node.ts";

type Done = Parameters<LogStore["append"]>[1];

/** One write on its way to the disk: carries it out, or not as it should. */
type Append = (inner: LogStore, write: LogWrite, done: Done, process: Process) => void;

const NOTHING: readonly never[] = [];

const APPENDS: Readonly<Record<number, Append>> = {
  // A vote that could not be written counts all the same.
  3: (inner, write, done) => {
    inner.append(write, (error) => done(isVote(write) ? undefined : error));
  },
  // A candidate asks for votes before its own is on disk.
  4: (inner, write, done, process) => {
    const self = process.node.disk.platter.identity?.member;
    appendAndSay(inner, write, done, isVote(write) && write.hardState?.vote === self);
  },
  // The term is written, and the vote after it, which nobody waits for.
  5: (inner, { hardState, ...others }, done) => {
    if (hardState === undefined) return inner.append(others, done);
    inner.append({ hardState: { ...hardState, vote: null }, ...others }, done);
    if (hardState.vote !== null) inner.append({ hardState, entries: NOTHING }, () => {});
  },
  // Entries count as soon as they are handed over.
  21: (inner, write, done) => appendAndSay(inner, write, done, write.entries.length > 0),
  // The sync that failed is tried again, succeeds, and has nothing left to write.
  22: (inner, write, done) => {
    inner.append(write, () => done());
  },
};

const LOADS: Readonly<Record<number, (loaded: LoadedLog) => LoadedLog>> = {
  // What cannot be read is cut off as if a crash had torn it.
  23: (loaded) => ({ ...loaded, damage: null }),
};

/** The stores of all nodes of one run, with faults in them. */
export class PlantedDisks {
  readonly #faults: readonly number[];
  /** By node: who its member was first, whatever disk it has now. */
  readonly #identities = new Map<number, MemberIdentity>();
  /** By node: the configuration of its first snapshot. */
  readonly #configurations = new Map<number, Uint8Array>();

  constructor(faults: readonly number[]) {
    this.#faults = faults;
  }

  /** What a process is to run on instead. */
  under(process: Process): Process {
    let { store, snapshots } = process;
    for (const fault of this.#faults) {
      store = this.#plantStore(fault, store, process);
      snapshots = this.#plantSnapshots(fault, snapshots, process.node.index);
    }
    return { ...process, store, snapshots };
  }

  #plantStore(fault: number, inner: LogStore, process: Process): LogStore {
    const [append, load] = [APPENDS[fault], LOADS[fault]];
    if (append) return { ...inner, append: (write, done) => append(inner, write, done, process) };
    if (load) return { ...inner, load: () => load(inner.load()) };
    return fault === 33 ? this.#sameMember(inner, process.node.index) : inner;
  }

  #plantSnapshots(fault: number, inner: SnapshotStore, node: number): SnapshotStore {
    switch (fault) {
      // The snapshot is not durable yet when the log is told to begin behind it.
      case 24:
        return {
          ...inner,
          finish: (id, end, done) => {
            inner.finish(id, end, () => {});
            done();
          },
        };
      // A snapshot whose sync has failed is taken for durable.
      case 45:
        return { ...inner, finish: (id, end, done) => inner.finish(id, end, () => done()) };
      // Each snapshot of a node names those who were members at its first.
      case 26:
        return {
          ...inner,
          begin: (head, done) => {
            const configuration = this.#configurations.get(node) ?? head.configuration;
            this.#configurations.set(node, configuration);
            inner.begin({ ...head, configuration }, done);
          },
        };
      default:
        return inner;
    }
  }

  /** A node's empty disk gets the identity of the one that was lost (fault 33). */
  #sameMember(inner: LogStore, node: number): LogStore {
    return {
      ...inner,
      load: () => {
        const loaded = inner.load();
        const known = loaded.identity ?? this.#identities.get(node) ?? null;
        if (loaded.identity === null && known !== null) inner.append({ identity: known, entries: NOTHING }, () => {});
        return { ...loaded, identity: known };
      },
      append: (write, done) => {
        if (write.identity !== undefined && write.identity.cluster !== null) this.#identities.set(node, write.identity);
        inner.append(write, done);
      },
    };
  }
}

function isVote({ entries, hardState }: LogWrite): boolean {
  return entries.length === 0 && hardState !== undefined && hardState.vote !== null;
}

function appendAndSay(inner: LogStore, write: LogWrite, done: Done, isEarly: boolean): void {
  if (!isEarly) return inner.append(write, done);
  inner.append(write, () => {});
  done();
}
