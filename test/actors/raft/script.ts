/**
 * Protocol scripts: commands in, trace out (after etcd-io/raft `testdata/`).
 *
 *     # a comment stays where it is
 *     > nodes a b c
 *     > campaign a          the line below is what happened
 *     a pre-candidate term=0 leader=none
 *
 * `UPDATE=1 vitest run test/actors/raft/scripts.test.ts` rewrites what happened; rewrite only what you understand.
 *
 * Commands:
 *   nodes NAME… [entries=N]      a new cluster; at most N entries a message
 *         [spare=x,y]          nodes that belong to no cluster yet; [leases]: reads by lease; [prefer=a:5,b:-3]
 *         [window=N] [trailing=N]  at most N appends under way to each; N entries kept behind a snapshot
 *   campaign NAME                its election timeout passes, for it alone
 *   tick NAME                    its next deadline passes, for it alone
 *   run MS                       time passes for all, messages arrive at once
 *   idle MS                      the same; only the outcome is shown
 *   pass MS                      time passes, no timer fires
 *   elect NAME                   it campaigns, all is delivered; only the outcome is shown
 *   commit NAME TEXT…            it proposes, all is delivered; only the outcome is shown
 *   deliver [FROM>TO]…           what is on its way, and what follows from it; `*` for any
 *   arrive [FROM>TO]…            what is on its way now, and nothing that follows from it
 *   drop [FROM>TO]…              what is on its way is lost; `drop-first`: only the oldest of it
 *   delay [FROM>TO]…             the oldest of it comes last
 *   propose NAME TEXT…           read NAME ID
 *   hold NAME                    its writes do not finish; `persist NAME` finishes the one in flight, `free NAME` all
 *   log NAME TERM… [term=N]      it restarts with a log of these terms, having been in the last of them or in N
 *   add NAME MEMBER…             it makes them learners; promote, demote, remove likewise: several count together
 *   change NAME KIND:MEMBER… [stays]  changes of several kinds together; `stays` until `leave NAME`
 *   transfer NAME TO [force]     it hands over to that one, or to the `best`
 *   damage NAME INDEX            it crashes, and its disk cannot be read from there on
 *   room NAME yes|no             whether its disk has room
 *   snapshot NAME                its machine writes its state down, and the log is compacted
 *   partition a,b c              cut FROM>TO…, heal, crash NAME, restart NAME
 *   status                       one line a node; `members`: which configuration is in force at each
 */
import type { RaftLimits, RaftPreferences } from "../../../actors/raft/core/raft-options.ts";
import type { ChangeMembershipResult, MembershipChange, TransferResult } from "../../../actors/raft/core/ready.ts";
import { describeConfiguration } from "./describe.ts";
import { RaftCluster, type InFlight } from "./raft-cluster.ts";

/** The script with every trace replaced by what happens now. */
export function runScript(text: string): string {
  const runner = new ScriptRunner();
  const output: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("> ")) output.push(line, ...runner.run(line.slice(2).trim().split(/\s+/)));
    else if (line === "" || line.startsWith("#")) output.push(line);
  }
  return output.join("\n");
}

class ScriptRunner {
  #cluster = new RaftCluster([]);

  run([command = "", ...words]: readonly string[]): readonly string[] {
    const before = command === "nodes" ? 0 : this.#cluster.trace.length;
    if (command === "elect" || command === "commit" || command === "idle") return this.#silently(command, words);
    const extra = this.#execute(command, words);
    return [...this.#cluster.trace.slice(before), ...extra];
  }

  #silently(command: "elect" | "commit" | "idle", [name = "", ...texts]: readonly string[]): readonly string[] {
    if (command === "elect") this.#cluster.timeout(name);
    if (command === "commit") this.#cluster.propose(name, ...texts);
    if (command === "idle") this.#cluster.run(Number(name));
    else this.#cluster.deliver();
    return this.#execute("status", []);
  }

  #execute(command: string, words: readonly string[]): readonly string[] {
    const [name = "", ...rest] = words;
    switch (command) {
      case "nodes":
        this.#cluster = newCluster(words);
        return [];
      case "campaign":
      case "tick":
        this.#cluster.timeout(name);
        return [];
      case "run":
        this.#cluster.run(Number(name));
        return [];
      case "pass":
        this.#cluster.nowMs += Number(name);
        return [];
      case "deliver":
        this.#cluster.deliver(matcher(words));
        return [];
      case "arrive": {
        const onTheirWay = new Set(this.#cluster.messages.filter(matcher(words)));
        this.#cluster.deliver((message) => onTheirWay.has(message));
        return [];
      }
      case "drop":
        this.#cluster.drop(matcher(words));
        return [];
      case "drop-first": {
        const first = this.#cluster.messages.find(matcher(words));
        this.#cluster.drop((message) => message === first);
        return [];
      }
      case "delay":
        this.#cluster.delay(matcher(words));
        return [];
      case "propose":
        return this.#propose(name, rest);
      case "add":
        return this.#change(
          name,
          rest.map((member) => ({ type: "add-learner", member })),
        );
      case "promote":
      case "demote":
      case "remove":
        return this.#change(
          name,
          rest.map((member) => ({ type: command, member })),
        );
      case "change":
        return this.#change(name, rest.filter((word) => word.includes(":")).map(parseChange), rest.includes("stays"));
      case "leave":
        return refusal(name, this.#cluster.leaveJoint(name));
      case "transfer": {
        const [to = "best", force] = rest;
        return refusal(name, this.#cluster.transfer(name, to === "best" ? null : to, force === "force"));
      }
      case "damage":
        this.#cluster.damage(name, Number(rest[0]));
        return [];
      case "room":
        this.#cluster.step(name, { type: "room", hasRoom: rest[0] === "yes" });
        return [];
      case "aside":
        this.#cluster.step(name, { type: "stand-aside", stands: rest[0] === "yes" });
        return [];
      case "read":
        this.#cluster.read(name, rest[0] ?? "");
        return [];
      case "lose":
        this.#cluster.loseLink(name, rest[0] ?? "");
        return [];
      case "hold":
        this.#cluster.node(name).holdsWrites = true;
        return [];
      case "free":
        this.#cluster.node(name).holdsWrites = false;
        this.#cluster.persist(name);
        return [];
      case "persist":
        this.#cluster.persist(name);
        return [];
      case "partition":
        this.#cluster.partition(...words.map((group) => group.split(",")));
        return [];
      case "log":
        return this.#restartWith(name, rest);
      case "snapshot":
        this.#cluster.snapshot(name);
        return [];
      case "cut":
        for (const word of words) this.#cluster.cut(...(word.split(">") as [string, string]));
        return [];
      case "heal":
        this.#cluster.heal();
        return [];
      case "crash":
        this.#cluster.crash(name);
        return [];
      case "restart":
        this.#cluster.restart(name);
        return [];
      case "status":
        return [...this.#cluster.nodes.keys()].map((node) => this.#status(node));
      case "members":
        return [...this.#cluster.nodes.keys()].map((node) => this.#members(node));
      default:
        throw new Error(`Unknown command "${command}"`);
    }
  }

  #change(name: string, changes: readonly MembershipChange[], stays = false): readonly string[] {
    return refusal(name, this.#cluster.change(name, changes, stays));
  }

  #restartWith(name: string, words: readonly string[]): readonly string[] {
    const term = words.find((word) => word.startsWith("term="))?.slice("term=".length);
    const terms = words.filter((word) => !word.startsWith("term=")).map(Number);
    this.#cluster.restartWith(name, terms, term === undefined ? undefined : Number(term));
    return [];
  }

  #propose(name: string, texts: readonly string[]): readonly string[] {
    const result = this.#cluster.propose(name, ...texts);
    return result.ok
      ? []
      : [`${name} refuses ${result.code}${"leader" in result ? ` leader=${result.leader ?? "none"}` : ""}`];
  }

  #members(name: string): string {
    const held = this.#cluster.node(name).core?.status().configuration;
    if (!held) return `${name} down`;
    const { configuration, index, committed } = held;
    return `${name} ${describeConfiguration(configuration)} index=${index}${committed ? " committed" : ""}`;
  }

  #status(name: string): string {
    const core = this.#cluster.node(name).core;
    if (!core) return `${name} down`;
    const { role, term, leader, commit, durable, lastIndex, base } = core.status();
    const terms = core.entries(1, lastIndex).map((entry) => entry.term);
    return `${name} ${role} term=${term} leader=${leader ?? "none"} commit=${commit} durable=${durable} log=[${[...(base > 0 ? [`…${base}`] : []), ...terms].join(" ")}]`;
  }
}

/** Limits that a script may set, by the word it says. */
const LIMITS: Readonly<Record<string, keyof RaftLimits>> = {
  entries: "entriesPerMessageMax",
  window: "appendsInFlightMax",
  trailing: "trailingEntries",
};

function newCluster(words: readonly string[]): RaftCluster {
  const leaseReads = words.includes("leases");
  const names = words.filter((word) => !word.includes("=") && word !== "leases");
  const list = (key: string): readonly string[] =>
    words
      .find((word) => word.startsWith(`${key}=`))
      ?.slice(key.length + 1)
      .split(",") ?? [];
  const priorities = new Map(list("prefer").map((word) => [word.split(":")[0], Number(word.split(":")[1])]));
  const limits: Partial<Record<keyof RaftLimits, number>> = {};
  for (const word of words) {
    const [key = "", value] = word.split("=");
    const limit = LIMITS[key];
    if (limit && value !== undefined) limits[limit] = Number(value);
  }
  const preferences = (name: string): RaftPreferences => ({ leaseReads, priority: priorities.get(name) ?? 0 });
  return new RaftCluster(names, { limits, spares: list("spare"), preferences });
}

/** `add-learner:d` and the like. */
function parseChange(word: string): MembershipChange {
  const [type = "", member = ""] = word.split(":");
  return { type: type as MembershipChange["type"], member };
}

function refusal(name: string, result: ChangeMembershipResult | TransferResult): readonly string[] {
  return result.ok ? [] : [`${name} refuses ${result.code}: ${result.message}`];
}

function matcher(patterns: readonly string[]): (message: InFlight) => boolean {
  if (patterns.length === 0) return () => true;
  const pairs = patterns.map((pattern) => pattern.split(">"));
  const fits = (wanted: string | undefined, name: string): boolean => wanted === "*" || wanted === name;
  return ({ from, to }) => pairs.some(([wantedFrom, wantedTo]) => fits(wantedFrom, from) && fits(wantedTo, to));
}
