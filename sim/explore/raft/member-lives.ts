/**
 * Members one by one: what each state of a member answers to each input, by the real core (`actors/raft/core`), worked out once.
 *
 * Members touch each other by messages only, so a state of the cluster is one of each member and what is under way. Members have far fewer states
 * than the cluster, and the same input in the same state gives the same answer: it is looked up. So the core runs thousands of times
 * where millions of transitions are tried.
 *
 * A core cannot be copied. A state knows how it came to be: the disk it was started from and the inputs since. To step it, a core is
 * started from that disk and given these inputs again, unless one that stands there is at hand.
 *
 * States are told apart by the core's essence (`actors/raft/core/essence.ts`), the disk and the write under way. An essence holds no absolute time;
 * and each member has a clock of its own, which only its own `timeout` and `lapse` move, by the smallest times that keep their order. So
 * whether a deadline has passed is the explorer's choice. `faultyMerge` tests that states which are taken for one answer alike.
 */
import {
  brokenRules,
  type RaftMessage,
  type RaftRules,
  type RaftStatus,
  type Ready,
} from "../../../actors/raft/index.ts";
import type { LogEntry, LogWrite } from "../../../runtime/index.ts";
import type { Letters } from "./letters.ts";
import { writeTo, type MemberDisk, type Survived } from "./member-disk.ts";
import { keyOf, type MemberInput } from "./member-input.ts";
import { LAPSE_MS, MemberLife } from "./member-life.ts";

/** Cores that are kept at hand for the states they stand in. */
const CORES_MAX = 4096;

/** A state of one member. */
export interface MemberState {
  readonly number: number;
  /** Its place among the members. */
  readonly self: number;
  readonly disk: MemberDisk;
  /** Under way to the disk. */
  readonly writing: LogWrite | null;
  readonly status: RaftStatus;
  /** The log in memory, the same object where it is the same. */
  readonly log: readonly LogEntry[];
  /** Appends that it has sent since it leads, by their numbers. */
  readonly appends: number;
  /** Whether it waits for a deadline; whether a `lapse` would change anything. */
  readonly canTimeOut: boolean;
  readonly canLapse: boolean;
}

/** What follows from an input. */
export interface Answer {
  readonly next: MemberState;
  /** Letters, each once. */
  readonly sent: readonly number[];
  readonly committed: readonly LogEntry[];
  /** Why the core has stopped; then nothing else follows. */
  readonly stopped?: string;
}

/** How a state came to be: from another by an input, or, null, by a start from its disk. */
type Origin = { readonly from: Known; readonly input: MemberInput } | null;

interface Known {
  readonly state: MemberState;
  readonly origin: Origin;
  /** By `keyOf`. An answer of null: it cannot happen, or nothing follows. */
  readonly asked: (Asked | undefined)[];
}

interface Asked {
  readonly input: MemberInput;
  readonly answer: Answer | null;
}

/** A state that was reached by another way than the first. */
interface Merge {
  readonly known: Known;
  readonly other: Origin;
}

export interface MemberLivesOptions {
  /** Ids of the members; a letter to anybody else is lost. */
  readonly members: readonly string[];
  readonly letters: Letters;
  /** Kinds of messages that may arrive. Default: all. */
  readonly carries?: readonly RaftMessage["type"][];
  /** Faults, by number. */
  readonly planted: readonly number[];
}

export class MemberLives {
  readonly #members: readonly string[];
  readonly #letters: Letters;
  readonly #carries: MemberLivesOptions["carries"];
  readonly #rules: RaftRules;
  /** The vote is not written with its term (fault 5). */
  readonly #losesVotes: boolean;
  readonly #known: Known[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #logs = new Map<string, readonly LogEntry[]>();
  readonly #cores = new Map<Known, MemberLife>();
  readonly #merges: Merge[] = [];

  constructor({ members, letters, carries, planted }: MemberLivesOptions) {
    this.#carries = carries;
    this.#members = members;
    this.#letters = letters;
    this.#rules = brokenRules(planted);
    this.#losesVotes = planted.includes(5);
  }

  get(number: number): MemberState {
    return (this.#known[number] as Known).state;
  }

  /** A member that starts with that disk, and what it does at once. */
  start(self: number, disk: MemberDisk): Answer {
    const life = this.#begin(self, disk);
    const ready = life.takeReady();
    return this.#settle({ self, disk, writing: null, appends: 0 }, life, ready, null);
  }

  /** Null: it cannot happen, or nothing follows from it. */
  answer(number: number, input: MemberInput): Answer | null {
    const known = this.#known[number] as Known;
    const key = keyOf(input);
    const asked = known.asked[key];
    if (asked !== undefined) return asked.answer;
    const answer = this.#ask(known, input);
    known.asked[key] = { input, answer };
    return answer;
  }

  /**
   * Asks cores that came to a state by another way than the first all that was asked of the first: what is answered in two ways, or null. So an
   * essence that leaves out what decides something is found. `merges`: how many of such states, spread evenly.
   */
  faultyMerge(merges: number): { readonly checked: number; readonly fault: string | null } {
    let checked = 0;
    const every = Math.max(1, Math.floor(this.#merges.length / merges));
    // Answers of states that are new then are no concern of this.
    const count = this.#merges.length;
    for (let at = 0; at < count; at += every) {
      const { known, other } = this.#merges[at] as Merge;
      for (const asked of Object.values(known.asked)) {
        if (asked === undefined || asked.input.type === "restart") continue;
        const { input, answer } = asked;
        checked += 1;
        const again = this.#step(known.state, this.#replay(known.state, other), input, null);
        if (!isSame(known.state, answer, again)) {
          return {
            checked,
            fault: `${JSON.stringify(known.state.status)} has two answers to ${JSON.stringify(input)}`,
          };
        }
      }
    }
    return { checked, fault: null };
  }

  #ask(known: Known, input: MemberInput): Answer | null {
    const { state } = known;
    if (input.type === "restart") {
      const { self, disk, writing } = state;
      return this.start(self, writing === null ? disk : this.#write(disk, writing, input.survived));
    }
    const life = this.#cores.get(known) ?? this.#replay(state, known.origin);
    this.#cores.delete(known);
    const answer = this.#step(state, life, input, { from: known, input });
    return answer !== null && isVoid(state, answer) ? null : answer;
  }

  /** Steps that core, which moves on to the next state. */
  #step(
    state: MemberState,
    life: MemberLife,
    input: Exclude<MemberInput, { type: "restart" }>,
    origin: Origin,
  ): Answer | null {
    const { self, writing, appends } = state;
    let ready: Ready | null;
    try {
      ready = life.step(input);
    } catch (error) {
      const stopped = error instanceof Error ? error.message : String(error);
      return { next: state, sent: [], committed: [], stopped };
    }
    if (ready === null) {
      this.#keep(this.#known[state.number] as Known, life);
      return null;
    }
    const isWritten = input.type === "persisted" && writing !== null;
    const disk = isWritten ? this.#write(state.disk, writing, "all") : state.disk;
    return this.#settle({ self, disk, writing: isWritten ? null : writing, appends }, life, ready, origin);
  }

  /** The state in which that core is now, and what came out. */
  #settle(
    before: Pick<MemberState, "self" | "disk" | "writing" | "appends">,
    life: MemberLife,
    ready: Ready,
    origin: Origin,
  ): Answer {
    const { self, disk } = before;
    const { core, nowMs } = life;
    const sent = this.#post(self, ready);
    const writing = ready.write?.write ?? before.writing;
    const key = JSON.stringify([core.essence(nowMs), disk.hardState, disk.entries.map(keyOfEntry), writing]);
    const number = this.#numbers.get(key) ?? this.#known.length;
    if (number === this.#known.length) {
      this.#numbers.set(key, number);
      const appends = core.isLeader ? Math.max(before.appends, ...sent.map((letter) => this.#sequenceOf(letter))) : 0;
      const state = this.#describe({ number, self, disk, writing, appends }, life);
      this.#known.push({ state, origin, asked: [] });
    } else if (origin !== null) this.#merges.push({ known: this.#known[number] as Known, other: origin });
    const known = this.#known[number] as Known;
    this.#keep(known, life);
    return { next: known.state, sent, committed: ready.committed };
  }

  #describe(
    state: Pick<MemberState, "number" | "self" | "disk" | "writing" | "appends">,
    { core, nowMs }: MemberLife,
  ): MemberState {
    const status = core.status();
    const deadlineMs = core.nextDeadlineMs();
    const mayDoubt = status.role === "pre-candidate" || (status.role === "follower" && status.leader !== null);
    return {
      ...state,
      status,
      log: this.#logOf(core.entries(1, status.lastIndex)),
      canTimeOut: Number.isFinite(deadlineMs),
      canLapse: mayDoubt && nowMs + LAPSE_MS < deadlineMs,
    };
  }

  #begin(self: number, disk: MemberDisk): MemberLife {
    return new MemberLife({ self, disk, members: this.#members, letters: this.#letters, rules: this.#rules });
  }

  /** A core that has come to that state by `origin`. */
  #replay({ self, disk }: MemberState, origin: Origin): MemberLife {
    const inputs: MemberInput[] = [];
    let begin = disk;
    for (let at = origin; at !== null; at = at.from.origin) {
      inputs.push(at.input);
      begin = at.from.state.disk;
    }
    const life = this.#begin(self, begin);
    life.takeReady();
    for (const input of inputs.toReversed()) if (input.type !== "restart") life.step(input);
    return life;
  }

  #write(disk: MemberDisk, write: LogWrite, survived: Survived): MemberDisk {
    const { hardState } = write;
    if (!this.#losesVotes || hardState === undefined) return writeTo(disk, write, survived);
    return writeTo(disk, { ...write, hardState: { ...hardState, vote: null } }, survived);
  }

  #post(from: number, { messages }: Ready): readonly number[] {
    const sent = new Set<number>();
    for (const { to, message } of messages) {
      const at = this.#members.indexOf(to);
      if (at >= 0 && (this.#carries?.includes(message.type) ?? true))
        sent.add(this.#letters.numberOf(from, at, message));
    }
    return [...sent];
  }

  #sequenceOf(letter: number): number {
    const { message } = this.#letters.get(letter);
    return message.type === "append" ? message.sequence : 0;
  }

  #logOf(entries: readonly LogEntry[]): readonly LogEntry[] {
    const key = entries.map(keyOfEntry).join();
    const known = this.#logs.get(key) ?? entries;
    this.#logs.set(key, known);
    return known;
  }

  #keep(known: Known, life: MemberLife): void {
    this.#cores.set(known, life);
    if (this.#cores.size <= CORES_MAX) return;
    for (const [oldest] of this.#cores) return void this.#cores.delete(oldest);
  }
}

function isVoid(state: MemberState, { next, sent, committed, stopped }: Answer): boolean {
  return next === state && sent.length === 0 && committed.length === 0 && stopped === undefined;
}

/** `answer` was noted as null where nothing follows. */
function isSame(state: MemberState, answer: Answer | null, again: Answer | null): boolean {
  if (answer === null || again === null) return answer === again || (again !== null && isVoid(state, again));
  const isSent = sorted(answer.sent).join() === sorted(again.sent).join();
  const isCommitted = answer.committed.map(keyOfEntry).join() === again.committed.map(keyOfEntry).join();
  return answer.next === again.next && isSent && isCommitted && answer.stopped === again.stopped;
}

function sorted(numbers: readonly number[]): readonly number[] {
  return numbers.toSorted((one, other) => one - other);
}

function keyOfEntry({ index, term, type, payload }: LogEntry): string {
  return `${index} ${term} ${type} ${payload.join(" ")}`;
}
