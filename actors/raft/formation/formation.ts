/**
 * How a node without a cluster comes to one: as a pure machine, before there is a log to agree on.
 *
 *     empty disk ─ mint an id, make it durable ─▶ hello to all ─┬─ somebody belongs to a cluster that names this id ─▶ join it
 *                                                               ├─ … that names this node with another disk ─▶ disk-lost, keep asking
 *                                                               ├─ … that does not name it ─▶ not-a-member, keep asking
 *                                                               └─ all have empty disks, and this is the first of them ─▶ form one
 *
 * Only the first node by name may form a cluster, and only when every other one has answered *it*, with this incarnation, that it
 * belongs to none. What it forms is durable at itself before anybody hears of it. Why two clusters can never both have a
 * majority: what was committed is durable at a majority of the first cluster, so, with more than one node, at one that is not the first
 * node and belongs. As long as that one keeps its disk it never says again that it belongs to none, and a first node that lost its
 * disk never gets all answers. If the first node loses its disk before a majority belonged, and forms another cluster while old
 * messages are still on their way, each of the other nodes joins one of the two and no other; a majority of one list of names leaves
 * none for the other.
 *
 * Lists that differ form nothing: a node that lists others answers, but does not count. A cluster that has outgrown the list makes
 * it a list of whom to ask. One node alone forms at once.
 *
 * A cluster may live on without any node of an old list. All of that list on empty disks would then be as good as new, and form a second,
 * empty cluster. So a node that knows of a cluster, because a member has answered it or goes on talking to its lost member, no longer
 * says that it belongs to none, and what it said before counts for two pauses at most; and whoever speaks in a cluster's name is asked,
 * listed or not. Nodes that no member has talked to since they started cannot know: whoever starts a node on another disk gives it a list of
 * members that run.
 */
import type { Random } from "../../../runtime/ports/random.ts";
import { decodeConfiguration } from "../core/configuration-codec.ts";
import { allMembers, allVoters, createConfiguration, type Configuration } from "../core/configuration.ts";
import { mintClusterId, nodeOf } from "../member-id.ts";
import type { Belonging, FormationMessage } from "./formation-messages.ts";

/** First pause before nodes that have not answered are asked again. */
const HELLO_MIN_MS = 50;
/** Longest one. A node that waits to be added asks as often, which is how the others know that it waits. */
const HELLO_MAX_MS = 1000;

/** Nodes beyond the list that are asked because they spoke in a cluster's name: more than any cluster has members. */
const SPEAKERS_MAX = 32;

/** What the machine begins with. */
export interface FormationOptions {
  /** This node's member id, durable on its disk. */
  readonly self: string;
  /** Names of the nodes of which the cluster is to be made, or whom to ask. */
  readonly voters: readonly string[];
  readonly random: Random;
  readonly nowMs: number;
}

/** What the machine wants done. */
export interface FormationOutput {
  /** To nodes, by name. */
  readonly messages: readonly { readonly to: string; readonly message: FormationMessage }[];
  /** What this node belongs to from now on, once the caller has made it durable. The machine is done then. */
  readonly decision: FormationDecision | null;
}

/** The cluster that a node belongs to from now on. */
export interface FormationDecision {
  readonly cluster: string;
  /** What stands at index 1, term 1, committed; null when the log comes from the leader, from wherever it begins. */
  readonly birth: Configuration | null;
  /** Whether this node has formed the cluster, and so tells the others once it is durable. */
  readonly formed: boolean;
}

/** What a node without a cluster knows of itself. */
export type FormationState = "forming" | "not-a-member" | "disk-lost";

/** How one node without a cluster comes to one; pure, as the core is. */
export class Formation {
  readonly #self: string;
  readonly #name: string;
  readonly #voters: readonly string[];
  readonly #random: Random;
  /** By node: its latest answer. One that is not repeated is forgotten: who has heard of a cluster since falls silent. */
  readonly #answers = new Map<string, Extract<FormationMessage, { readonly type: "hello-answer" }>>();
  /** Nodes that have answered since the last timeout. */
  readonly #answered = new Set<string>();
  /** Nodes that were asked back since the last timeout: answers that are lost must not make two ask each other for ever. */
  readonly #askedBack = new Set<string>();
  /** Nodes, listed or not, that spoke as members of a cluster. */
  readonly #speakers = new Set<string>();
  #state: FormationState = "forming";
  #pauseMs = HELLO_MIN_MS;
  #helloAtMs: number;
  #decision: FormationDecision | null = null;

  constructor({ self, voters, random, nowMs }: FormationOptions) {
    this.#self = self;
    this.#name = nodeOf(self);
    this.#voters = voters.toSorted();
    this.#random = random;
    this.#helloAtMs = nowMs;
  }

  get state(): FormationState {
    return this.#state;
  }

  nextDeadlineMs(): number {
    return this.#decision === null ? this.#helloAtMs : Infinity;
  }

  /** What the node waits for, in words. */
  describe(): string {
    const others = this.#voters.filter((name) => name !== this.#name);
    const silent = others.filter((name) => !this.#answers.has(name));
    const different = others.filter((name) => {
      const answer = this.#answers.get(name);
      return answer !== undefined && !this.#sameVoters(answer.voters);
    });
    switch (this.#state) {
      case "not-a-member":
        return `Node "${this.#name}" is in no cluster, and the one that answers does not name it; add it as "${this.#self}"`;
      case "disk-lost":
        return `Node "${this.#name}" lost its disk, with all that it had acknowledged; remove its old member and add it as "${this.#self}"`;
      case "forming": {
        if (different.length > 0) {
          const theirs = different
            .map((name) => `"${name}" lists ${this.#answers.get(name)?.voters.join(", ")}`)
            .join("; ");
          return `Cannot form a cluster: ${theirs}; this node lists ${this.#voters.join(", ")}; start all with the same list`;
        }
        if (silent.length > 0)
          return `Node "${this.#name}" waits for an answer of ${silent.join(", ")} to form a cluster`;
        return `Node "${this.#name}" waits for "${this.#voters[0]}" to form the cluster`;
      }
      default:
        return this.#state satisfies never;
    }
  }

  /** Asks everybody, when it is time. */
  onTimeout(nowMs: number): FormationOutput {
    if (this.#decision !== null || nowMs < this.#helloAtMs) return NOTHING;
    for (const name of this.#answers.keys()) if (!this.#answered.has(name)) this.#answers.delete(name);
    this.#answered.clear();
    this.#askedBack.clear();
    this.#helloAtMs = nowMs + this.#pauseMs * (0.75 + this.#random.next() / 4);
    this.#pauseMs = Math.min(HELLO_MAX_MS, this.#pauseMs * 2);
    const others = [...new Set([...this.#voters, ...this.#speakers])].filter((name) => name !== this.#name);
    const messages = others.map((to) => ({ to, message: this.#hello() }));
    return { messages, decision: this.#decide() };
  }

  /** A member of a cluster has spoken to this node, or to one that had its name: it is asked, and nothing is formed beside its cluster. */
  onMember({ from, to }: { readonly from: string; readonly to: string }): FormationOutput {
    const speaker = nodeOf(from);
    if (this.#decision !== null || speaker === this.#name) return NOTHING;
    if (this.#state === "forming" && to !== this.#self && nodeOf(to) === this.#name) this.#state = "disk-lost";
    if (this.#speakers.has(speaker) || this.#speakers.size >= SPEAKERS_MAX) return NOTHING;
    this.#speakers.add(speaker);
    return { messages: [{ to: speaker, message: this.#hello() }], decision: null };
  }

  onMessage(message: FormationMessage): FormationOutput {
    return message.type === "hello" ? this.#onHello(message) : this.#onAnswer(message);
  }

  #onHello({ from }: Extract<FormationMessage, { readonly type: "hello" }>): FormationOutput {
    const to = nodeOf(from);
    if (from === this.#self) return NOTHING;
    // Decided, but not durable yet: neither "to none" nor "to that one" could be kept.
    if (this.#decision !== null) return NOTHING;
    // It belongs to none, but there is one: who asked must not take it for a reason to form another.
    if (this.#state !== "forming") return NOTHING;
    const answer: FormationMessage = {
      type: "hello-answer",
      from: this.#self,
      to: from,
      voters: this.#voters,
      belongs: null,
    };
    // Who says hello is up: it is asked at once, so that the last one to start makes nobody wait.
    const isNew = this.#voters.includes(to) && this.#answers.get(to)?.from !== from && !this.#askedBack.has(to);
    if (!isNew) return { messages: [{ to, message: answer }], decision: null };
    this.#askedBack.add(to);
    this.#answers.delete(to);
    return {
      messages: [
        { to, message: answer },
        { to, message: this.#hello() },
      ],
      decision: null,
    };
  }

  #onAnswer(message: Extract<FormationMessage, { readonly type: "hello-answer" }>): FormationOutput {
    if (message.to !== this.#self || this.#decision !== null) return NOTHING;
    this.#answers.set(nodeOf(message.from), message);
    this.#answered.add(nodeOf(message.from));
    this.#decision = message.belongs === null ? null : this.#joinOrNot(message.belongs);
    return { messages: [], decision: this.#decision ?? this.#decide() };
  }

  #joinOrNot({ cluster, configuration, birth }: Belonging): FormationDecision | null {
    const inForce = readOrNull(configuration);
    const born = birth === null ? null : readOrNull(birth);
    if (inForce === null) return null;
    if (allMembers(inForce).includes(this.#self)) {
      const writesBirth = born !== null && allVoters(born).includes(this.#self);
      return { cluster, birth: writesBirth ? born : null, formed: false };
    }
    const knowsName = allMembers(inForce).some((member) => nodeOf(member) === this.#name);
    // A member that lags behind may not know yet that the lost one was removed; the later answer of another one counts.
    this.#state = knowsName ? "disk-lost" : "not-a-member";
    return null;
  }

  /** Whether this node forms the cluster now. */
  #decide(): FormationDecision | null {
    const [first, ...others] = this.#voters;
    if (this.#decision !== null || this.#state !== "forming" || first !== this.#name) return null;
    const answers = others.map((name) => this.#answers.get(name));
    if (!answers.every((answer) => answer?.belongs === null && this.#sameVoters(answer.voters))) return null;
    const members = [this.#self, ...answers.map((answer) => answer?.from ?? "")];
    this.#decision = { cluster: mintClusterId(this.#random), birth: createConfiguration(members), formed: true };
    return this.#decision;
  }

  #hello(): FormationMessage {
    return { type: "hello", from: this.#self, voters: this.#voters };
  }

  #sameVoters(voters: readonly string[]): boolean {
    return voters.length === this.#voters.length && voters.every((name, at) => name === this.#voters[at]);
  }
}

const NOTHING: FormationOutput = { messages: [], decision: null };

/** Another version's configuration may be one that this version cannot read: then nothing is known. */
function readOrNull(bytes: Uint8Array): Configuration | null {
  try {
    return decodeConfiguration(bytes);
  } catch {
    return null;
  }
}
