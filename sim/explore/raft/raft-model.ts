/**
 * A cluster of real cores as a model: a state is the states of its members, the messages under way, and what is remembered for the rules.
 *
 * Everything is by choice of the explorer: which message arrives next, whose deadline passes, whose write is done, who crashes. What keeps the
 * number of states down, and what it leaves out:
 * - **The network is a set.** A message that is under way already is not sent once more: that is a message lost. Twice the same is what
 *   `duplicatesMax` lets arrive.
 * - **A lost message is one that never arrives**; there is no action for it, since no rule would tell the difference. Nor for an arrival that
 *   changes nothing, nor for a message that can do nothing any more (`isSpent`).
 * - **A crash is a restart.** A member that is down is one to which nothing happens.
 * - **A batch is one input**: every input is followed by what the core makes of it. That several are stepped before one `takeReady` is left to the
 *   simulator's seeds, as are snapshots, compaction, reads and disks that fail.
 *
 * Nodes are not exchanged for each other (`StateModel.images`): they are not alike. Of two polls that cross, the one of the lower name insists.
 */
import { createConfiguration, encodeConfiguration } from "../../../actors/raft/index.ts";
import { EMPTY_LOG, type LogEntry } from "../../../runtime/index.ts";
import type { Fingerprint } from "../fingerprint.ts";
import type { StateModel } from "../state-model.ts";
import { Chronicles, hasNews } from "./chronicle.ts";
import { CLUSTER_RULES } from "./cluster-rules.ts";
import { describeAction } from "./describe-action.ts";
import { isSpent, Letters } from "./letters.ts";
import { SURVIVED, type MemberDisk } from "./member-disk.ts";
import type { MemberInput } from "./member-input.ts";
import { MemberLives, type MemberState } from "./member-lives.ts";
import { RAFT_MARKS } from "./raft-marks.ts";
import type { RaftSetup } from "./setup.ts";

/** Numbers of what `RaftModel` holds. */
export interface ClusterState {
  /** States of the members, by place. */
  readonly members: readonly number[];
  /** Letters under way, by rising numbers. */
  readonly letters: readonly number[];
  readonly chronicle: number;
  /** What has been used up of the setup's bounds; counted only where there is one. */
  readonly used: Used;
}

interface Used {
  readonly crashes: number;
  readonly proposals: number;
  readonly changes: number;
}

/** An input of one member. */
export interface ClusterAction {
  readonly member: number;
  readonly input: MemberInput;
}

const NOTHING_USED: Used = { crashes: 0, proposals: 0, changes: 0 };

export class RaftModel implements StateModel<ClusterState, ClusterAction> {
  readonly name: string;
  readonly always: StateModel<ClusterState, ClusterAction>["always"];
  readonly sometimes: NonNullable<StateModel<ClusterState, ClusterAction>["sometimes"]>;
  readonly lives: MemberLives;
  readonly #setup: RaftSetup;
  readonly #names: readonly string[];
  readonly #letters = new Letters();
  readonly #chronicles = new Chronicles();

  constructor(setup: RaftSetup) {
    const { voters, joining = 0, carries, planted = [], rules = CLUSTER_RULES, reaches } = setup;
    this.name = setup.name;
    this.#setup = setup;
    this.#names = Array.from({ length: voters + joining }, (_, at) => `n${at + 1}`);
    this.lives = new MemberLives({
      members: this.#names,
      letters: this.#letters,
      planted,
      ...(carries && { carries }),
    });
    this.always = Object.fromEntries(
      rules.map((rule) => [rule, ({ chronicle }: ClusterState) => this.#complaint(rule, chronicle)]),
    );
    this.sometimes = Object.fromEntries(
      reaches.map((name) => [
        name,
        ({ members, chronicle }: ClusterState) =>
          RAFT_MARKS[name](this.#membersOf(members), this.#chronicles.get(chronicle)),
      ]),
    );
  }

  /** A cluster that was just formed: all voters have the entry with the first configuration, and nobody leads. */
  initial(): readonly ClusterState[] {
    const { voters } = this.#setup;
    const payload = encodeConfiguration(createConfiguration(this.#names.slice(0, voters)));
    const birth: readonly LogEntry[] = [{ index: 1, term: 1, type: "configuration", payload }];
    const born: MemberDisk = { hardState: { term: 1, vote: null, commit: 1 }, entries: birth };
    const empty: MemberDisk = { hardState: EMPTY_LOG.hardState, entries: [] };
    const answers = this.#names.map((_, at) => this.lives.start(at, at < voters ? born : empty));
    const members = answers.map(({ next }) => next);
    let chronicle = this.#chronicles.begin(birth);
    for (const answer of answers) {
      chronicle = this.#chronicles.after(chronicle, { before: null, answer, members, names: this.#names });
    }
    const letters = withNews(
      [],
      answers.flatMap(({ sent }) => sent),
    );
    const numbers = members.map(({ number }) => number);
    return [{ members: numbers, letters, chronicle: chronicle.number, used: NOTHING_USED }];
  }

  *actions({ members, letters, used }: ClusterState): Generator<ClusterAction> {
    for (const letter of letters) {
      const { to, arrival } = this.#letters.get(letter);
      yield { member: to, input: arrival };
    }
    for (const number of members) {
      const member = this.lives.get(number);
      for (const input of this.#inputsOf(member, used)) yield { member: member.self, input };
    }
  }

  next(state: ClusterState, { member, input }: ClusterAction): ClusterState | null {
    const before = this.lives.get(state.members[member] as number);
    const answer = this.lives.answer(before.number, input);
    if (answer === null) return null;
    const { next, sent, stopped } = answer;
    if (next === before && stopped === undefined) {
      // What it answers is under way already (`#answered`); and a restart that changes nothing is none.
      if (input.type === "deliver" || sent.every((letter) => state.letters.includes(letter))) return null;
    }
    const members = state.members.with(member, next.number);
    const used = this.#use(state.used, input);
    const letters = this.#clear(this.#answered(members, withNews(state.letters, sent), next), members, used);
    const happening = { before: input.type === "restart" ? null : before, answer };
    if (!hasNews(happening)) return { members, letters, chronicle: state.chronicle, used };
    const chronicle = this.#chronicles.after(this.#chronicles.get(state.chronicle), {
      ...happening,
      members: this.#membersOf(members),
      names: this.#names,
    });
    return { members, letters, chronicle: chronicle.number, used };
  }

  isWithin({ members }: ClusterState): boolean {
    return members.every((number) => this.lives.get(number).appends <= this.#setup.appendsMax);
  }

  fingerprint({ members, letters, chronicle, used }: ClusterState, fingerprint: Fingerprint): void {
    for (const number of members) fingerprint.word(number);
    fingerprint.word(chronicle);
    fingerprint.word(used.crashes | (used.proposals << 8) | (used.changes << 16));
    for (const letter of letters) fingerprint.word(letter);
  }

  describe(action: ClusterAction, state: ClusterState): string {
    const before = this.lives.get(state.members[action.member] as number);
    const answer = this.lives.answer(before.number, action.input);
    return describeAction(action.input, before, answer, this.#names, this.#letters);
  }

  /** What may happen to a member by itself. */
  *#inputsOf(member: MemberState, used: Used): Generator<MemberInput> {
    const { crashesMax = 0, proposalsMax = 0, changes = [] } = this.#setup;
    const { role } = member.status;
    if (member.writing !== null) yield { type: "persisted" };
    if (member.canTimeOut && this.#timePasses(member)) yield { type: "timeout" };
    if (member.canLapse && this.#mayCampaign(member)) yield { type: "lapse" };
    if (used.crashes < crashesMax) {
      for (const survived of SURVIVED)
        if (survived === "nothing" || member.writing !== null) yield { type: "restart", survived };
    }
    if (role !== "leader") return;
    if (used.proposals < proposalsMax) yield { type: "propose", command: used.proposals + 1 };
    const change = changes[used.changes];
    if (change !== undefined) yield { type: "change", at: used.changes, change };
  }

  #timePasses(member: MemberState): boolean {
    const { pollsAgain = true, leaderBeats = true } = this.#setup;
    const { role } = member.status;
    if (role === "leader") return leaderBeats;
    return this.#mayCampaign(member) && (role !== "pre-candidate" || pollsAgain);
  }

  #mayCampaign({ self, status }: MemberState): boolean {
    const { termMax, impatient } = this.#setup;
    return status.term < termMax && (impatient?.includes(self) ?? true);
  }

  /**
   * With all answers that a member gives without changing: since messages may be lost, a state with more of them under way can do all that
   * the same with fewer can, and so stands for it. News are from and for the member that has changed.
   */
  #answered(members: readonly number[], letters: readonly number[], { self }: MemberState): readonly number[] {
    const news: number[] = [];
    for (let at = 0; at < letters.length + news.length; at++) {
      const { from, to, arrival } = this.#letters.get((letters[at] ?? news[at - letters.length]) as number);
      if (at < letters.length && from !== self && to !== self) continue;
      const member = members[to] as number;
      const answer = this.lives.answer(member, arrival);
      if (answer === null || answer.next.number !== member || answer.stopped !== undefined) continue;
      for (const sent of answer.sent) if (!letters.includes(sent) && !news.includes(sent)) news.push(sent);
    }
    return withNews(letters, news);
  }

  /** Without what can do nothing any more. A term that is not on disk goes back with a crash. */
  #clear(letters: readonly number[], members: readonly number[], used: Used): readonly number[] {
    const mayCrash = used.crashes < (this.#setup.crashesMax ?? 0);
    const isOver = (number: number): boolean => {
      const letter = this.#letters.get(number);
      const { status, disk } = this.lives.get(members[letter.to] as number);
      return isSpent(letter, status.role, mayCrash ? disk.hardState.term : status.term);
    };
    return letters.some(isOver) ? letters.filter((letter) => !isOver(letter)) : letters;
  }

  #use(used: Used, { type }: MemberInput): Used {
    switch (type) {
      case "restart":
        return { ...used, crashes: used.crashes + 1 };
      case "propose":
        return { ...used, proposals: used.proposals + 1 };
      case "change":
        return { ...used, changes: used.changes + 1 };
      default:
        return used;
    }
  }

  #membersOf(members: readonly number[]): readonly MemberState[] {
    return members.map((number) => this.lives.get(number));
  }

  #complaint(rule: string, number: number): string | null {
    const { broken } = this.#chronicles.get(number);
    return broken?.rule === rule ? broken.message : null;
  }
}

/** Both, by rising numbers; those of `sent` that are under way already are lost. */
function withNews(letters: readonly number[], sent: readonly number[]): readonly number[] {
  const news = sent.filter((letter) => !letters.includes(letter));
  return news.length === 0 ? letters : [...letters, ...news].toSorted((one, other) => one - other);
}
