/**
 * Who belongs to the cluster, put together from what its leader knows and what each member's node says of itself; and
 * what the loss of a voter would mean. Pure.
 */
import type { ReplicaStatus } from "../actors/index.ts";
import { apiError, type ApiError } from "./api-error.ts";
import type { MemberList, MemberView } from "./member-wire.ts";

type Member = ReplicaStatus["members"][number];

export interface MemberSources {
  /** The leader's status; that of the node that is asked when no leader answers. */
  readonly view: ReplicaStatus;
  /** What each member's node says; nodes that did not answer are missing. */
  readonly told: ReadonlyMap<string, ReplicaStatus>;
  /** A member whose node does not answer is there only if its leader has just heard of it: for decisions, not for the eye. */
  readonly strict?: boolean;
  /** Where a node listens, for those that were there from the beginning. */
  readonly addressOf: (node: string) => string | undefined;
}

/** Longer than a leader leads without hearing a quorum: whoever was heard within it is there. */
const HEARD_MS = 3000;

/** Two heartbeats missed. */
const JUST_HEARD_MS = 250;

/** States in which a voter keeps what it is told and answers. */
const SERVING: ReadonlySet<MemberView["state"]> = new Set(["leading", "replicate", "probe", "snapshot", "following"]);

export function memberList(sources: MemberSources): MemberList {
  const { leader, term, lastIndex, configuration, members } = sources.view;
  const items = withLeases(members.map((member) => viewOf(member, sources)));
  return { leader, term, lastIndex, configuration, quorum: quorumOf(items), items };
}

/** What a majority of these members' voters takes, and how many of them could be lost. */
function quorumOf(members: readonly MemberView[]): MemberList["quorum"] {
  const voters = members.filter(({ role }) => role === "voter");
  const needed = Math.floor(voters.length / 2) + 1;
  const serving = voters.filter(({ state }) => SERVING.has(state)).length;
  return { voters: voters.length, needed, serving, spare: serving - needed };
}

/**
 * The members that a name means: itself, or those of that node.
 * @throws {ApiError} `not-a-member`, `ambiguous-member`.
 */
export function memberNamed(list: MemberList, name: string, verb: string): MemberView {
  const exact = list.items.find(({ member }) => member === name);
  if (exact !== undefined) return exact;
  const [first, second] = list.items.filter(({ node }) => node === name);
  const tried = `Cannot ${verb} "${name}"`;
  if (first === undefined) {
    const known = list.items.map(({ member }) => member).join(", ") || "nobody";
    throw apiError("not-a-member", `${tried}: it is no member; members are ${known}`);
  }
  if (second === undefined) return first;
  const both = `"${first.member}" and "${second.member}"`;
  throw apiError("ambiguous-member", `${tried}: node "${name}" has the members ${both}; name one of them`);
}

/** Why the cluster would not live without that voter, if so. */
export function whyNotRemove(list: MemberList, { member, role }: MemberView): ApiError | undefined {
  if (role !== "voter") return undefined;
  const { voters, needed, serving } = list.quorum;
  const tried = `Cannot remove member "${member}"`;
  if (voters === 1) {
    return apiError("last-voter", `${tried}: it is the last voter; add and promote another one first`);
  }
  if (serving < needed) {
    const why = `of ${voters} voters only ${serve(serving)}, and a change takes ${needed}`;
    return apiError(
      "quorum-at-risk",
      `${tried}: ${why}; bring one back, or see "blixard cluster recover" when none will come`,
    );
  }
  const left = quorumOf(list.items.filter((item) => item.member !== member));
  if (left.spare >= 0) return undefined;
  const why = `of the ${left.voters} voters left only ${serve(left.serving)}, and ${left.needed} are needed`;
  return apiError("quorum-at-risk", `${tried}: ${why}; bring one back, or remove one that does not serve instead`);
}

function serve(count: number): string {
  return `${count} ${count === 1 ? "serves" : "serve"}`;
}

function viewOf(member: Member, { view, told, strict, addressOf }: MemberSources): MemberView {
  const status = told.get(member.node);
  const isLeader = view.role === "leader" && view.member === member.member;
  const { progress } = member;
  const match = isLeader ? view.lastIndex : (progress?.match ?? null);
  const isItself = status?.member === member.member;
  return {
    member: member.member,
    node: member.node,
    role: member.role,
    ...conditionOf(member, {
      isLeader,
      status,
      known: view.members,
      heardMs: strict === true ? JUST_HEARD_MS : HEARD_MS,
    }),
    match,
    lag: match === null ? null : Math.max(0, view.lastIndex - match),
    heardAgoMs: progress === null ? null : Math.round(progress.heardAgoMs),
    base: isItself ? status.base : null,
    preferences: isItself ? status.preferences : null,
    address: addressOf(member.node) ?? member.address,
  };
}

/** A lease takes a majority that keeps it, and voters without them save nothing by going without: whoever differs is told so. */
function withLeases(items: readonly MemberView[]): MemberView[] {
  const voters = items.filter(({ role, preferences }) => role === "voter" && preferences !== null);
  const keeping = voters.filter(({ preferences }) => preferences?.leaseReads);
  if (keeping.length === 0 || keeping.length === voters.length) return [...items];
  const others = keeping.map(({ node }) => node).join(", ");
  const message = `keeps no leases for reads, and ${others} ${keeping.length === 1 ? "does" : "do"}: start all voters with the same --lease-reads`;
  const differs = (item: MemberView): boolean =>
    item.message === "" && item.role === "voter" && item.preferences?.leaseReads === false;
  return items.map((item) => (differs(item) ? { ...item, message } : item));
}

interface Known {
  readonly isLeader: boolean;
  readonly status: ReplicaStatus | undefined;
  readonly known: readonly Member[];
  /** How long ago the leader may have heard of it. */
  readonly heardMs: number;
}

function conditionOf(
  { member, node, progress }: Member,
  { isLeader, status, known, heardMs }: Known,
): Pick<MemberView, "state" | "message"> {
  if (status === undefined) {
    if (progress !== null && progress.heardAgoMs < heardMs) return { state: progress.state, message: "" };
    return { state: "unreachable", message: `node "${node}" does not answer` };
  }
  if (status.storeError !== "") return { state: "failed", message: status.storeError };
  if (status.member !== "" && status.member !== member) {
    const isKnown = known.some((other) => other.member === status.member);
    const words = `node "${node}" came back without its disk, as "${status.member}": `;
    const helps = `blixard cluster remove ${member}`;
    return { state: "lost", message: words + (isKnown ? helps : `blixard cluster add ${node}, then ${helps}`) };
  }
  if (status.recovering) {
    return { state: "recovering", message: "damage was found on its disk; it votes when the leader has refilled it" };
  }
  if (status.readOnly) return { state: "read-only", message: "its disk has no room; free space, and it goes on" };
  if (isLeader) return { state: "leading", message: "" };
  return { state: progress?.state ?? "following", message: "" };
}
