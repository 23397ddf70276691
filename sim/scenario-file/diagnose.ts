/**
 * Why VMs were down, and what would help: from where they ran, what struck those nodes, and what the scheduler said of them. A pure function of
 * the plan and of what was seen.
 *
 * Asked in this order, and answered by the first that holds: was there no majority; had it no place, and by which rule; did its application
 * stand in one zone or on one node; was it its own guest; or is it what a fail-over takes.
 */
import { LEASE_RULE } from "../../actors/index.ts";
import { APP_LABEL } from "./compile-expectations.ts";
import { endOf, type Observation, type ObservedStrike, type Span, type VmOutage } from "./observation.ts";
import type { PlannedNode, PlannedVm, ScenarioPlan } from "./scenario-plan.ts";
import { ZONE_LABEL } from "./whom.ts";

export interface Finding {
  readonly vms: readonly string[];
  readonly why: string;
  readonly help: string;
}

/** How the reason of an outage begins that is its disk's. */
const DISK = "its disk,";

/** Blows after which a node cannot carry VMs, or cannot be told to. */
const TAKES_NODES: ReadonlySet<string> = new Set([
  "crash",
  "pause",
  "cut",
  "disk-loss",
  "disk-error",
  "torn-write",
  "disk-hang",
  "disk-full",
]);

/** What struck so long before an outage may be its cause: a lease runs out, a check fails three times. */
const CAUSE_BEFORE_MS = 20_000;

/** Share of a wait in which no majority was there, from which on that is why. */
const NO_MAJORITY_SHARE = 0.3;

/** Of these VMs, what kept each down longest. VMs that were never down are passed over. */
export function diagnoseVms(plan: ScenarioPlan, seen: Observation, vms: readonly string[]): readonly Finding[] {
  const findings = new Map<string, { vms: string[]; why: string; help: string }>();
  for (const name of vms) {
    const vm = plan.vms.find((one) => one.name === name);
    const outage = worstOutage(seen, name);
    if (vm === undefined || outage === null) continue;
    const { why, help } = explain(new Case(plan, seen, vm, outage));
    const same = findings.get(why);
    if (same === undefined) findings.set(why, { vms: [name], why, help });
    else same.vms.push(name);
  }
  return [...findings.values()];
}

function worstOutage(seen: Observation, name: string): VmOutage | null {
  const outages = seen.vms.find((vm) => vm.name === name)?.outages ?? [];
  const lengthOf = (outage: VmOutage): number => endOf(outage, seen.spanMs) - outage.fromMs;
  return outages.toSorted((one, other) => lengthOf(other) - lengthOf(one))[0] ?? null;
}

class Case {
  readonly plan: ScenarioPlan;
  readonly seen: Observation;
  readonly vm: PlannedVm;
  readonly outage: VmOutage;
  /** Those that may have caused it. */
  readonly strikes: readonly ObservedStrike[];

  constructor(plan: ScenarioPlan, seen: Observation, vm: PlannedVm, outage: VmOutage) {
    this.plan = plan;
    this.seen = seen;
    this.vm = vm;
    this.outage = outage;
    this.strikes = seen.strikes.filter(({ atMs, untilMs, notStruck }) => {
      const ends = endOf(outage, seen.spanMs);
      return notStruck === null && atMs < ends && untilMs > outage.fromMs - CAUSE_BEFORE_MS;
    });
  }

  /** Nodes that could not carry VMs during the outage. */
  get away(): ReadonlySet<number> {
    const taking = this.strikes.filter(
      ({ fault, untilMs }) => TAKES_NODES.has(this.blowOf(fault)) && untilMs > this.outage.fromMs,
    );
    return new Set(taking.flatMap(({ nodes }) => nodes));
  }

  blowOf(fault: string): string {
    return blowOf(this.plan, fault);
  }

  names(nodes: Iterable<number>): string {
    return namesOf(this.plan, nodes);
  }
}

/** What kept the longest of these spans from ending; null: nothing that the file has done. */
export function diagnoseWait(plan: ScenarioPlan, seen: Observation, spans: readonly Span[]): Finding | null {
  const lengthOf = (span: Span): number => endOf(span, seen.spanMs) - span.fromMs;
  const worst = spans.toSorted((one, other) => lengthOf(other) - lengthOf(one))[0];
  const found = worst === undefined ? null : noMajority(plan, seen, worst);
  return found === null ? null : { vms: [], ...found };
}

interface Explanation {
  readonly why: string;
  readonly help: string;
}

function explain(the: Case): Explanation {
  return noMajority(the.plan, the.seen, the.outage) ?? placeless(the) ?? together(the) ?? ofGuest(the) ?? failOver(the);
}

/** Most of the time so many nodes were struck that the others are no majority. */
function noMajority(plan: ScenarioPlan, seen: Observation, span: Span): Explanation | null {
  const [fromMs, untilMs] = [span.fromMs, endOf(span, seen.spanMs)];
  const majority = Math.floor(plan.nodes.length / 2) + 1;
  const taking = seen.strikes.filter(({ notStruck, nodes, fault }) => {
    return notStruck === null && nodes.length > 0 && TAKES_NODES.has(blowOf(plan, fault));
  });
  let withoutMs = 0;
  const struck = new Map<string, Set<number>>();
  const moments = [...new Set([fromMs, untilMs, ...taking.flatMap((one) => [one.atMs, one.untilMs])])]
    .filter((moment) => moment >= fromMs && moment <= untilMs)
    .toSorted((one, other) => one - other);
  for (const [index, moment] of moments.entries()) {
    const now = taking.filter(({ atMs, untilMs: ends }) => atMs <= moment && ends > moment);
    const away = new Set(now.flatMap(({ nodes }) => nodes));
    if (plan.nodes.length - away.size >= majority) continue;
    withoutMs += (moments[index + 1] ?? moment) - moment;
    for (const { fault, nodes } of now) struck.set(fault, new Set([...(struck.get(fault) ?? []), ...nodes]));
  }
  if (withoutMs < (untilMs - fromMs) * NO_MAJORITY_SHARE || withoutMs === 0) return null;
  const away = new Set([...struck.values()].flatMap((nodes) => [...nodes]));
  const left = plan.nodes.length - away.size;
  const who = listed([...struck].map(([fault, nodes]) => `${namesOf(plan, nodes)} (${fault})`));
  const zone = heaviestZone(plan.nodes, majority);
  const others =
    left === 0 ? "nobody was left" : left === 1 ? "the one left is no majority" : `the ${left} left are no majority`;
  return {
    why: `${who} were ${away.size} of ${plan.nodes.length} nodes at once: ${others}, so nothing could be written, placed or taken from a lost node`,
    help:
      zone === null
        ? `${plan.nodes.length} nodes bear the loss of ${plan.nodes.length - majority} at a time; ${2 * away.size + 1} would bear this`
        : `zone ${zone} holds a majority: put nodes into a third zone, so that none does`,
  };
}

/** What it wrote to waited, wherever it ran. */
function diskless(reason: string): Explanation {
  const help = reason.includes("full")
    ? "room: whoever looks after the storage must be told before it is full"
    : "more copies in more failure domains, or storage outside of what is lost";
  return { why: reason, help };
}

/** The scheduler had no node for it. */
function placeless(the: Case): Explanation | null {
  const { outage, vm, plan, away } = the;
  if (outage.reason === "") return null;
  if (outage.reason.startsWith(DISK)) return diskless(outage.reason);
  const wanted = Object.entries(vm.spec.nodeSelector);
  const words = wanted.map((pair) => pair.join("=")).join(", ");
  const fitting = plan.nodes.flatMap(({ labels }, index) =>
    wanted.every(([key, value]) => labels[key] === value) ? [index] : [],
  );
  if (fitting.length === 0) {
    return {
      why: `no node carries ${words}, which its nodeSelector asks for`,
      help: "label a node so, or take it out of the nodeSelector",
    };
  }
  if (fitting.every((node) => away.has(node))) {
    const whole = fitting.length === plan.nodes.length;
    return {
      why: whole
        ? "all nodes were down"
        : `its nodeSelector ${words} allows ${the.names(fitting)} only, which ${are(fitting.length)} down`,
      help: whole
        ? "nothing helps a VM while every node is down"
        : `let it run elsewhere, too: take ${words} out of its nodeSelector, or label a node outside of what is lost`,
    };
  }
  const left = fitting.filter((node) => !away.has(node));
  return roomless(the, left);
}

/** Nodes were left, and it fits none of them. */
function roomless({ outage, vm, plan }: Case, left: readonly number[]): Explanation {
  const port = /port (\d+) taken/u.exec(outage.reason)?.[1];
  const where = left.map((node) => plan.nodes[node]?.name ?? "").join(", ");
  if (port !== undefined) {
    return {
      why: `port ${port} was taken on ${where}: a fixed port is given out once a node`,
      help: 'leave "host" out of that port, or have as many nodes left as VMs with it',
    };
  }
  const haveMiB = left.reduce((sum, node) => sum + (plan.nodes[node]?.memoryMiB ?? 0), 0);
  const mayRun = ({ spec }: PlannedVm): boolean =>
    spec.running &&
    left.some((node) =>
      Object.entries(spec.nodeSelector).every(([key, value]) => plan.nodes[node]?.labels[key] === value),
    );
  const wantMiB = plan.vms.filter(mayRun).reduce((sum, { spec }) => sum + spec.memoryMiB, 0);
  const total = `all VMs that may run there want ${wantMiB} MiB, and ${where} ${left.length === 1 ? "has" : "have"} ${haveMiB} MiB`;
  return {
    why: `no room for its ${vm.spec.memoryMiB} MiB on ${where}: ${total}`,
    help:
      wantMiB > haveMiB
        ? `${wantMiB - haveMiB} MiB more on those nodes, or smaller VMs; memory is never given out twice`
        : "the room is there, in pieces that are too small: larger nodes, or smaller VMs",
  };
}

/** All of its application stood where the fault struck. */
function together(the: Case): Explanation | null {
  const { plan, vm, strikes } = the;
  const app = vm.labels[APP_LABEL];
  const mates = plan.vms.filter(({ labels }) => app !== undefined && labels[APP_LABEL] === app);
  if (mates.length < 2) return null;
  const strike = strikes.find(({ fault, nodes, places }) => {
    return TAKES_NODES.has(the.blowOf(fault)) && mates.every(({ name }) => nodes.includes(places[name] ?? -1));
  });
  if (strike === undefined) return null;
  const nodes = [...new Set(mates.map(({ name }) => strike.places[name] ?? -1))];
  const zones = new Set(nodes.map((node) => plan.nodes[node]?.labels[ZONE_LABEL]));
  const [zone] = zones;
  const all = `${mates.length === 2 ? "both" : `all ${mates.length}`} VMs of application ${app}`;
  if (nodes.length === 1) {
    return {
      why: `${all} ran on ${the.names(nodes)} when ${strike.fault} struck`,
      help: "the scheduler spreads an application over nodes where there is room: see that there is",
    };
  }
  if (zones.size > 1 || zone === undefined) return null;
  return {
    why: `${all} ran in zone ${zone} (${the.names(nodes)}) when ${strike.fault} struck: the scheduler spreads an application over nodes and knows no zones`,
    help: `pin them to zones: nodeSelector: { ${ZONE_LABEL}: … }, another for each; a pinned VM then waits while its own zone is lost`,
  };
}

/** The node was well; its guest was not. */
function ofGuest(the: Case): Explanation | null {
  const { vm, strikes } = the;
  const own = strikes.find((strike) => {
    const act = the.plan.faults.find(({ name }) => name === strike.fault)?.act;
    return act?.type === "guest" && act.vm === vm.name;
  });
  if (own === undefined) return null;
  if (the.blowOf(own.fault) === "guest-hang" && vm.spec.health === undefined) {
    return { why: "its guest hung, and it has no health check: nobody notices", help: "give it spec.health" };
  }
  if (vm.spec.restart !== "always") {
    return { why: `its guest ended, and its restart policy is "${vm.spec.restart}"`, help: 'restart: "always"' };
  }
  return {
    why: "its guest ended or hung, and was started again",
    help: "a second VM of its application serves meanwhile",
  };
}

/** What every fail-over takes. */
function failOver(the: Case): Explanation {
  const { outage, strikes, plan } = the;
  const struck = strikes.find(
    ({ nodes, fault }) => outage.node !== null && nodes.includes(outage.node) && TAKES_NODES.has(the.blowOf(fault)),
  );
  const leaseS = (LEASE_RULE.expireAfterMs / 1000).toFixed(1);
  if (struck === undefined || outage.node === null) {
    const what =
      outage.node === null
        ? "it had not served before"
        : `it served from ${plan.nodes[outage.node]?.name ?? ""}, which no fault of the file took`;
    return { why: what, help: "look at the run itself with --events" };
  }
  return {
    why: `it ran on ${the.names([outage.node])} when ${struck.fault} struck: a node that cannot renew its lease ends its VMs, and they start elsewhere once it is over for certain (${leaseS} s)`,
    help: "a node that is back sooner keeps them; of VMs with one label app, which are spread over nodes, another serves meanwhile",
  };
}

/** A zone of which so many nodes are that the others are no majority. */
function heaviestZone(nodes: readonly PlannedNode[], majority: number): string | null {
  const counts = new Map<string, number>();
  for (const { labels } of nodes) {
    const zone = labels[ZONE_LABEL];
    if (zone !== undefined) counts.set(zone, (counts.get(zone) ?? 0) + 1);
  }
  return [...counts].find(([, count]) => nodes.length - count < majority)?.[0] ?? null;
}

function blowOf({ faults }: ScenarioPlan, fault: string): string {
  return faults.find(({ name }) => name === fault)?.act.blow ?? "";
}

function namesOf({ nodes: all }: ScenarioPlan, nodes: Iterable<number>): string {
  return listed([...nodes].map((node) => all[node]?.name ?? String(node)));
}

function are(count: number): string {
  return count === 1 ? "was" : "were";
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
