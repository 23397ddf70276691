/**
 * Collects what a run is drawn from, when somebody asks for it; a run that nobody draws has none and pays nothing but a comparison
 * with null a message.
 *
 *     event log's lines, network.watcher, cluster.onWrite, recording.onAdd ─▶ moments under way ─after each event─▶ roles ─▶ RunRecord
 *
 * It draws nothing and notes nothing, so a recorded run has the event log that it has without.
 */
import type { Envelope } from "../../runtime/index.ts";
import type { LogWrite } from "../../runtime/index.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { BlowAct } from "../schedule/blow.ts";
import { isLoadAct, type Recording } from "../schedule/schedule.ts";
import type { Failure } from "../timeline/timeline.ts";
import { describeAct } from "./describe-act.ts";
import { describeMessage } from "./describe-message.ts";
import { KeptMoments } from "./kept-moments.ts";
import { readLine, type Asked } from "./read-line.ts";
import { RoleWatch } from "./role-watch.ts";
import { describeWrite } from "./describe-write.ts";
import type { Fact, FaultRow, Lane, Moment, RecordedFailure, RecordedMessage, RunRecord, Span } from "./run-record.ts";

/** A message whose end is not known yet. */
type OpenMessage = { -readonly [Key in keyof RecordedMessage]: RecordedMessage[Key] } & {
  arrivals: { readonly atUs: number; readonly moment: number }[];
};

interface OpenMoment extends Moment {
  readonly facts: Fact[];
  cause: number | null;
}

interface OpenSpan {
  readonly span: Omit<Span, "toUs">;
  toUs: number;
}

/** Faults that are told one by one; there are more only in runs of hours. */
const FAULTS_MAX = 5000;

export class RunRecorder {
  readonly #moments = new KeptMoments();
  /** Of the event that happens now, by lane, in the order of their first facts. */
  readonly #open = new Map<Lane, OpenMoment>();
  readonly #messages = new WeakMap<Envelope, OpenMessage>();
  /** Sent and not arrived, by pair of nodes. */
  readonly #underWay = new Map<string, Set<OpenMessage>>();
  readonly #sent = new Map<string, number>();
  /** By node: moments whose writes are not durable yet, oldest first. */
  readonly #writes = new Map<Lane, number[]>();
  /** By node: moments in which its journal was asked for what it has not answered yet, oldest first. */
  readonly #calls = new Map<Lane, number[]>();
  /** By node: the last moment in which a message came. */
  readonly #received = new Map<Lane, number>();
  readonly #spans: OpenSpan[] = [];
  readonly #down = new Map<Lane, OpenSpan>();
  readonly #paused = new Map<Lane, OpenSpan>();
  readonly #faults: FaultRow[] = [];
  readonly #asked: Asked = new Map();
  #cluster!: Cluster;
  #roles!: RoleWatch;
  #counted = 0;
  #failedIn: number | null = null;
  #isOver = false;

  /** Begins to collect. Before any process starts. */
  attach(cluster: Cluster, recording: Recording): void {
    this.#cluster = cluster;
    this.#roles = new RoleWatch(cluster.names.length);
    const { timeline, network } = cluster;
    network.watcher = {
      onSend: (from, to, envelope, isLost) => this.#onSend(from, to, { envelope, isLost }),
      onReceive: (at, envelope) => this.#onReceive(at, envelope),
    };
    for (const { index, journal } of cluster.nodes) journal.onCall = (type) => this.#onJournal(index, type);
    cluster.onWrite = (node, write) => this.#onWrite(node, write);
    recording.onAdd = (act) => {
      if (!isLoadAct(act)) this.#onBlow(act);
    };
    const check = timeline.afterEvent;
    timeline.afterEvent = () => {
      const touched = cluster.nodes.filter((node) => node.process?.life.touched === true);
      check();
      this.#endEvent(touched.map(({ index }) => index));
    };
  }

  /** What gets the lines of the event log, and gives them to whoever else wants them. */
  lines(options: { onLine?(line: string): void }): (line: string) => void {
    return (line) => {
      this.#line(line);
      options.onLine?.(line);
    };
  }

  #line(line: string): void {
    if (this.#isOver) return;
    const read = readLine(line, this.#cluster.names, this.#asked);
    if (read === null) return;
    const { lane, fact, life, broken, isSync, isJournal, isHealed } = read;
    const moment = this.#moment(lane);
    moment.facts.push(fact);
    if (isSync === true) moment.cause ??= this.#writes.get(lane)?.shift() ?? null;
    if (isJournal === true) moment.cause ??= this.#calls.get(lane)?.shift() ?? null;
    if (broken !== undefined) this.#lose(broken, fact.text.slice(fact.text.indexOf(":") + 2));
    if (life !== undefined) this.#onLife(lane, life, fact.text);
    if (isHealed === true) this.#endFaults(moment.atUs);
  }

  /** Ends collecting; what happens from here on is no part of the run. */
  finish(): void {
    if (this.#isOver) return;
    this.#endEvent([]);
    this.#isOver = true;
  }

  /** What was collected, once it is over. */
  get record(): RunRecord {
    const { timeline, names } = this.#cluster;
    const { failure, nowUs: endUs } = timeline;
    return {
      nodes: names,
      moments: this.#moments.list(),
      momentsSeen: this.#counted,
      spans: this.#spans.map(({ span, toUs }) => ({ ...span, toUs })),
      roles: this.#roles.spans(endUs),
      faults: this.#faults,
      messages: Object.fromEntries([...this.#sent].toSorted(([, one], [, other]) => other - one)),
      endUs,
      failure: failure === null ? null : this.#failure(failure),
    };
  }

  #failure({ invariant: rule, message, atUs }: Failure): RecordedFailure {
    return { rule, message, atUs, nodes: nodesIn(message, this.#cluster.names), moment: this.#failedIn };
  }

  /** What happens now at a lane. */
  #moment(lane: Lane): OpenMoment {
    const open = this.#open.get(lane);
    if (open !== undefined) return open;
    // What one lane does in an event, another has begun.
    const first = this.#open.values().next().value;
    const cause = first === undefined || lane === "outside" ? null : first.number;
    const moment: OpenMoment = { number: this.#counted++, atUs: this.#cluster.timeline.nowUs, lane, facts: [], cause };
    this.#open.set(lane, moment);
    return moment;
  }

  #onSend(
    from: number,
    to: number,
    { envelope, isLost }: { readonly envelope: Envelope; readonly isLost: boolean },
  ): void {
    if (this.#isOver) return;
    const moment = this.#moment(from);
    const { atUs } = moment;
    const isUp = this.#cluster.network.link(from, to).up;
    const message: OpenMessage = {
      ...{ from, to, ...describeMessage(envelope), sentUs: atUs, sentIn: moment.number, arrivals: [] },
      lost: isLost ? { atUs, why: isUp ? "lost on its way" : "there is no link" } : null,
    };
    this.#sent.set(message.kind, (this.#sent.get(message.kind) ?? 0) + 1);
    moment.facts.push({ type: "send", message });
    if (isLost) return;
    this.#messages.set(envelope, message);
    this.#pair(from, to).add(message);
  }

  #onReceive(at: number, envelope: Envelope): void {
    if (this.#isOver) return;
    const message = this.#messages.get(envelope);
    if (message === undefined) return;
    const moment = this.#moment(at);
    message.arrivals.push({ atUs: moment.atUs, moment: moment.number });
    message.lost = null;
    this.#pair(message.from, message.to).delete(message);
    this.#received.set(at, moment.number);
    moment.cause ??= message.sentIn;
    moment.facts.push({ type: "receive", message });
  }

  #onWrite(node: number, write: LogWrite): void {
    if (this.#isOver) return;
    const moment = this.#moment(node);
    const writes = this.#writes.get(node) ?? [];
    this.#writes.set(node, writes);
    writes.push(moment.number);
    // One write at a time is under way: what is written when it ends is what came meanwhile.
    const received = this.#received.get(node) ?? -1;
    if (moment.cause !== null && received !== moment.number) moment.cause = Math.max(moment.cause, received);
    moment.facts.push({ type: "said", kind: "disk", text: `writes ${describeWrite(write)}` });
  }

  /** A journal answers in the order in which it is asked. */
  #onJournal(node: number, type: string): void {
    if (this.#isOver) return;
    const moment = this.#moment(node);
    const calls = this.#calls.get(node) ?? [];
    this.#calls.set(node, calls);
    calls.push(moment.number);
    if (type === "append") moment.facts.push({ type: "said", kind: "disk", text: "begins to write to its journal" });
  }

  #onBlow(act: BlowAct): void {
    if (this.#isOver) return;
    const { timeline, names } = this.#cluster;
    const { text, lanes, span: kind, durationUs } = describeAct(act, names);
    const atUs = timeline.nowUs;
    if (this.#faults.length < FAULTS_MAX) this.#faults.push({ atUs, text, durationUs });
    if (act.type === "heal-all") this.#endFaults(atUs);
    if (act.type === "heal-core") this.#healCore(act.core, atUs);
    // The event log tells ends, pauses and healing at the lanes themselves.
    if (act.type === "crash" || act.type === "pause" || act.type.startsWith("heal-")) return;
    const lane = lanes.length === 1 ? (lanes[0] ?? "outside") : "outside";
    this.#moment(lane).facts.push({ type: "said", kind: "fault", text });
    if (kind === null || durationUs === null) return;
    this.#spans.push({ span: { kind, text, lanes, fromUs: atUs }, toUs: atUs + durationUs });
  }

  #onLife(lane: Lane, life: "end" | "start" | "pause" | "resume", text: string): void {
    const { nowUs: atUs } = this.#cluster.timeline;
    if (life === "pause") {
      this.#begin(this.#paused, { kind: "paused", text: "paused", lanes: [lane], fromUs: atUs });
      return;
    }
    this.#endSpan(this.#paused, lane, atUs);
    if (life === "start") this.#endSpan(this.#down, lane, atUs);
    if (life !== "end") return;
    this.#writes.delete(lane);
    this.#calls.delete(lane);
    if (typeof lane === "number") this.#roles.onEnd(lane, atUs);
    this.#begin(this.#down, { kind: "down", text: `down: ${text}`, lanes: [lane], fromUs: atUs });
  }

  #begin(open: Map<Lane, OpenSpan>, span: OpenSpan["span"]): void {
    const [lane] = span.lanes;
    if (lane === undefined || open.has(lane)) return;
    const begun = { span, toUs: Infinity };
    this.#spans.push(begun);
    open.set(lane, begun);
  }

  #endSpan(open: Map<Lane, OpenSpan>, lane: Lane, atUs: number): void {
    const span = open.get(lane);
    if (span === undefined) return;
    span.toUs = atUs;
    open.delete(lane);
  }

  /** Healing ends what has a length, whatever was left of it. */
  #endFaults(atUs: number): void {
    for (const open of this.#spans) {
      if (open.toUs !== Infinity && open.toUs > atUs) open.toUs = atUs;
    }
  }

  /** What lies on the core alone ends, all else that is under way never does. */
  #healCore(core: readonly number[], atUs: number): void {
    for (const open of this.#spans) {
      if (open.toUs <= atUs || open.span.kind === "down" || open.span.kind === "paused") continue;
      const isInCore = open.span.lanes.every((lane) => typeof lane === "number" && core.includes(lane));
      open.toUs = isInCore ? atUs : Infinity;
    }
  }

  #pair(one: number, other: number): Set<OpenMessage> {
    const key = one < other ? `${one} ${other}` : `${other} ${one}`;
    let pair = this.#underWay.get(key);
    if (pair === undefined) this.#underWay.set(key, (pair = new Set()));
    return pair;
  }

  #lose([one, other]: readonly [number, number], why: string): void {
    const { nowUs: atUs } = this.#cluster.timeline;
    const pair = this.#pair(one, other);
    for (const message of pair) message.lost = { atUs, why: `its link breaks: ${why}` };
    pair.clear();
  }

  #endEvent(touched: readonly number[]): void {
    if (this.#isOver) return;
    const { raft, timeline } = this.#cluster;
    for (const node of touched) {
      const status = raft.view(node)?.status();
      if (status === undefined) continue;
      const facts = this.#roles.look(node, status, timeline.nowUs);
      if (facts.length > 0) this.#moment(node).facts.push(...facts);
    }
    if (timeline.failure !== null) this.#failedIn ??= this.#culprit(timeline.failure.message);
    this.#moments.add(this.#open.values());
    this.#open.clear();
  }

  /** Of what has happened in this event, what the rule is about. */
  #culprit(message: string): number | null {
    const open = [...this.#open.values()];
    const [named] = nodesIn(message, this.#cluster.names);
    const found = open.find(({ lane }) => lane === named) ?? open.find(({ lane }) => typeof lane === "number");
    return (found ?? open[0])?.number ?? null;
  }
}

/** Nodes that a message names: as `node 0`, or the first as `n1`. */
function nodesIn(message: string, names: readonly string[]): readonly number[] {
  const told = [...message.matchAll(/\bnode (\d+)\b/gi)].map(([, digits]) => Number(digits));
  // A list of all who have a vote says nothing of who is wrong; of other names the first counts.
  const byName = [...message.replace(/\{[^}]*\}/g, "").matchAll(/[\w-]+/g)]
    .map(([word]) => names.indexOf(word))
    .filter((node) => node >= 0);
  const found = told.length > 0 ? told : byName.slice(0, 1);
  return [...new Set(found)].filter((node) => node >= 0 && node < names.length);
}
