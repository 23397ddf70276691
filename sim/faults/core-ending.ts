/**
 * Draws an end of a run that is not "everything is well again": a core of nodes is healed, and everybody else stays dead, paused, cut off, half
 * deaf, with a hung disk, for ever. The core must make progress all the same.
 *
 * Where all faults end a cluster that waits for one of them to end shows nothing (faults 35 to 44 of the list of this project). As in
 * TigerBeetle's VOPR (src/vopr.zig, `transition_to_liveness_mode`): a core is drawn, and the other faults become permanent.
 *
 * Who is in the core can elect and commit alone, whatever of the configurations in anybody's log counts (`FaultAtlas.suffices`).
 */
import type { Random } from "../../runtime/index.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Core } from "./fault-endings.ts";
import type { LoadAct } from "../schedule/load-act.ts";
import { shuffled } from "./shuffled.ts";
import { FOREVER_US, type BlowAct } from "../schedule/blow.ts";

type Pair = readonly [number, number];

/** What becomes of a node outside of the core, beside what it is under already. */
type Fate = "left as it is" | "dead" | "paused" | "disk hung" | "cut off" | "unhearing" | "unheard" | "partly cut";

const FATES: readonly Fate[] = [
  "left as it is",
  "dead",
  "paused",
  "disk hung",
  "cut off",
  "unhearing",
  "unheard",
  "partly cut",
];

/** Names of the marks (`coreMarks`): what a sweep must have reached. */
export const CORE_MARKS: readonly string[] = ["cores healed", ...FATES.slice(1).map(markOf)];

/** Where the members of a core hear each other only by way of one. */
export const HUB_MARK = "cores around a hub";

/** Shares: of cores with one more node than they need; without the leader, where they can do without; with one-way links among the others. */
const ROOMY = 0.25;
const LEADERLESS = 0.7;
const ONE_WAY = 0.3;
/** Of cuts that leave links half open for ever. */
const HALF_OPEN = 0.5;
/** Of nodes whose disk hangs besides. */
const HUNG_TOO = 0.2;
/** Of cores of three or more, where members talk by way of one. */
const HUB = 0.2;

const HUB_WHAT = "hub";

/** What is done, the healing of the core first; null where no core can be told apart from everybody. `mayHub`: links in the core may be cut, too. */
export function drawCoreEnding(
  cluster: Cluster,
  random: Random,
  { mayHub }: { readonly mayHub: boolean },
): readonly BlowAct[] | null {
  const core = drawCore(cluster, random);
  if (core === null) return null;
  const others = cluster.nodes.map(({ index }) => index).filter((node) => !core.includes(node));
  return [
    { type: "heal-core", core },
    ...(mayHub && core.length > 2 && random.next() < HUB ? cutAround(cluster, core, random) : []),
    ...others.flatMap((node) => drawFate(node, core, random)),
    ...drawOneWay(others, random),
  ];
}

/** Who is healed while nobody else is. */
export interface CoreEnd {
  readonly core: Core;
  /** By way of whom alone the others of the core hear each other; null: all hear all. */
  readonly hub: number | null;
}

export function coreEndOf(ending: readonly BlowAct[]): CoreEnd {
  const core = new Set(ending.flatMap((act) => (act.type === "heal-core" ? act.core : [])));
  const around = ending.find(isAroundHub);
  return { core, hub: around?.type === "cut" ? Number(around.what.slice(HUB_WHAT.length)) : null };
}

/** An ending that was drawn for a cluster that was otherwise: without a hub where one of the core would leave the voters. */
export function endingFor<Act extends BlowAct>(cluster: Cluster, ending: readonly Act[]): readonly Act[] {
  const { core, hub } = coreEndOf(ending);
  return hub === null || [...core].every((node) => cluster.atlas.staysVoter(node))
    ? ending
    : ending.filter((act) => !isAroundHub(act));
}

/** How often each way to end was reached; the ends of replays, too. */
export function coreMarks(ending: readonly (BlowAct | LoadAct)[]): Readonly<Record<string, number>> {
  const marks: Record<string, number> = Object.fromEntries([...CORE_MARKS, HUB_MARK].map((mark) => [mark, 0]));
  for (const act of ending) {
    const mark = markOfAct(act);
    if (mark !== null) marks[mark] = (marks[mark] ?? 0) + 1;
  }
  return marks;
}

function drawCore(cluster: Cluster, random: Random): readonly number[] | null {
  const { atlas, nodes, raft } = cluster;
  const leader = raft.leader();
  const drawn = shuffled(
    atlas.voters().filter((node) => atlas.isSound(node)),
    random,
  );
  const isLeaderLast = random.next() < LEADERLESS;
  const candidates = isLeaderLast
    ? drawn.toSorted((one, other) => Number(one === leader) - Number(other === leader))
    : drawn;
  let size = 1;
  while (size <= candidates.length && !atlas.suffices(new Set(candidates.slice(0, size)))) size += 1;
  if (size > candidates.length) return null;
  if (random.next() < ROOMY && size < candidates.length) size += 1;
  return size === nodes.length ? null : candidates.slice(0, size).toSorted((one, other) => one - other);
}

function drawFate(node: number, core: readonly number[], random: Random): readonly BlowAct[] {
  const fate = FATES[random.integer(FATES.length)] as Fate;
  const hung: BlowAct = { type: "disk-hang", node, durationUs: FOREVER_US };
  const acts = actsOf(fate, node, core, random);
  return fate !== "disk hung" && fate !== "dead" && random.next() < HUNG_TOO ? [...acts, hung] : acts;
}

function actsOf(fate: Fate, node: number, core: readonly number[], random: Random): readonly BlowAct[] {
  const durationUs = FOREVER_US;
  const to = core.map((other): Pair => [node, other]);
  const from = core.map((other): Pair => [other, node]);
  switch (fate) {
    case "left as it is":
      return [];
    case "dead":
      return [{ type: "crash", node, power: random.next() < 0.5, downUs: durationUs }];
    case "paused":
      return [{ type: "pause", node, durationUs }];
    case "disk hung":
      return [{ type: "disk-hang", node, durationUs }];
    case "cut off":
      return [cut(`${fate} ${node}`, [...to, ...from], random)];
    case "unhearing":
      return [cut(`${fate} ${node}`, from, random)];
    case "unheard":
      return [cut(`${fate} ${node}`, to, random)];
    case "partly cut": {
      const some = new Set(shuffled(core, random).slice(0, 1 + random.integer(Math.max(1, core.length - 1))));
      const pairs = [...to, ...from].filter((pair) => pair.some((other) => some.has(other)));
      return [cut(`${fate} ${node}`, pairs, random)];
    }
    default:
      return fate satisfies never;
  }
}

/**
 * Only the hub hears a majority, and it is heard by all of them: quorum loss as OmniPaxos has it (Ng, Haridi and Carbone, EuroSys 2023, §2). The hub has
 * the best log: one that lacks entries takes them from who does not lead, unless they are compacted away (`log-adoption.ts` says what it does
 * not do), and then waits for ever. There is none where a change under way
 * takes one of the core out of the voters: a hub would end the change, and leave; who is not the hub would be heard by nobody who leads.
 */
function cutAround(cluster: Cluster, core: readonly number[], random: Random): readonly BlowAct[] {
  const endOf = (node: number): readonly [term: number, index: number] => {
    const { platter } = cluster.node(node).disk;
    const { lastTerm, lastIndex } = cluster.raft.view(node)?.status() ?? {
      lastTerm: platter.termAt(platter.lastIndex) ?? 0,
      lastIndex: platter.lastIndex,
    };
    return [lastTerm, lastIndex];
  };
  const [hub = 0] = core.toSorted((one, other) => {
    const [[term, index], [otherTerm, otherIndex]] = [endOf(one), endOf(other)];
    return otherTerm - term || otherIndex - index;
  });
  if (!core.every((node) => cluster.atlas.staysVoter(node))) return [];
  const rim = core.filter((node) => node !== hub);
  const pairs = rim.flatMap((one) => rim.filter((other) => other !== one).map((other): Pair => [one, other]));
  return [cut(`${HUB_WHAT} ${hub}`, pairs, random)];
}

function drawOneWay(others: readonly number[], random: Random): readonly BlowAct[] {
  if (others.length < 2 || random.next() >= ONE_WAY) return [];
  const [from = 0, to = 0] = shuffled(others, random);
  return [cut(`one-way ${from}>${to}`, [[from, to]], random)];
}

function cut(what: string, directions: readonly Pair[], random: Random): BlowAct {
  return { type: "cut", what, directions, breaks: random.next() >= HALF_OPEN, durationUs: FOREVER_US };
}

function isAroundHub(act: BlowAct | LoadAct): boolean {
  return act.type === "cut" && act.what.startsWith(HUB_WHAT);
}

function markOf(fate: Fate): string {
  return `core beside a node ${fate}`;
}

function markOfAct(act: BlowAct | LoadAct): string | null {
  switch (act.type) {
    case "heal-core":
      return CORE_MARKS[0] as string;
    case "crash":
      return markOf("dead");
    case "pause":
      return markOf("paused");
    case "disk-hang":
      return markOf("disk hung");
    case "cut": {
      if (isAroundHub(act)) return HUB_MARK;
      const fate = FATES.find((one) => act.what.startsWith(one));
      return fate === undefined ? null : markOf(fate);
    }
    default:
      return null;
  }
}
