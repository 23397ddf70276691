/**
 * From one configuration to the next: pure, and exact in what it refuses.
 *
 * Voters change through a joint configuration, even by one (Ongaro's dissertation §4.3): one way for every change, and no
 * argument about which two majorities overlap. Learners, who are counted nowhere, come and go at once.
 *
 *     simple ──enterJoint──▶ joint (voters + votersOutgoing) ──leaveJoint──▶ simple
 *
 * A voter that is to be a learner stays a voter of the outgoing half until the joint configuration is left, and is in
 * `learnersNext` until then: as a learner at once it would be counted as what it must not be (fault 8).
 *
 * Source: etcd-io/raft `confchange/confchange.go`.
 */
import { allMembers, isJoint, type Configuration } from "./configuration.ts";
import type { MembershipChange } from "./ready.ts";

/** The next configuration, or exactly why there is none. */
export type NextConfiguration =
  | { readonly ok: true; readonly configuration: Configuration }
  | {
      readonly ok: false;
      readonly code: "change-under-way" | "not-a-member" | "already-a-member" | "last-voter" | "not-joint";
      /** What was tried, why not, what would help. */
      readonly message: string;
    };

/** Who would vote and learn, and where those are who were named with an address. */
interface Target {
  readonly voters: Set<string>;
  readonly learners: Set<string>;
  readonly addresses: Map<string, string>;
}

/**
 * The configuration after `changes`, made in order and together: joint when they change who votes, left by itself once it is
 * committed unless `autoLeave` is false; else simple.
 */
export function nextConfiguration(
  from: Configuration,
  changes: readonly MembershipChange[],
  autoLeave: boolean,
): NextConfiguration {
  const what = changes.map(describeChange).join(", then ");
  if (isJoint(from)) {
    return refuse(
      "change-under-way",
      `Cannot ${what}: a change is under way (joint configuration). Wait until it is done`,
    );
  }
  const target = {
    voters: new Set(from.voters),
    learners: new Set(from.learners),
    addresses: new Map(Object.entries(from.addresses)),
  };
  let askedBy: string | undefined;
  for (const change of changes) {
    const refusal = apply(target, change);
    if (refusal) return refusal;
    askedBy = change.askedBy ?? askedBy;
  }
  const voters = [...target.voters].toSorted();
  if (voters.length === 0) {
    return refuse("last-voter", `Cannot ${what}: no voter would be left. Add and promote another member first`);
  }
  const sameVoters = voters.length === from.voters.length && voters.every((voter) => from.voters.includes(voter));
  const outgoing = sameVoters ? [] : from.voters;
  const learners = [...target.learners].toSorted();
  return accept(
    {
      voters,
      votersOutgoing: outgoing,
      learners: learners.filter((member) => !outgoing.includes(member)),
      learnersNext: learners.filter((member) => outgoing.includes(member)),
      autoLeave: !sameVoters && autoLeave,
      ...(askedBy !== undefined && { askedBy }),
    },
    target.addresses,
  );
}

/** The incoming half alone; who was only in the outgoing one is gone, or a learner if it was to become one. */
export function leaveJoint(from: Configuration): NextConfiguration {
  if (!isJoint(from)) {
    return refuse("not-joint", "Cannot leave the joint configuration: the configuration is simple already");
  }
  const { voters, learners, learnersNext, addresses, askedBy } = from;
  const asked = askedBy === undefined ? {} : { askedBy };
  const simple = { voters, votersOutgoing: [], learnersNext: [], autoLeave: false, ...asked };
  return accept({ ...simple, learners: [...learners, ...learnersNext].toSorted() }, new Map(Object.entries(addresses)));
}

export function describeChange({ type, member }: MembershipChange): string {
  switch (type) {
    case "add-learner":
      return `add "${member}" as a learner`;
    case "promote":
      return `promote "${member}" to a voter`;
    case "demote":
      return `make voter "${member}" a learner`;
    case "remove":
      return `remove "${member}"`;
    default:
      return type satisfies never;
  }
}

function apply({ voters, learners, addresses }: Target, change: MembershipChange): NextConfiguration | null {
  const { type, member } = change;
  const what = `Cannot ${describeChange(change)}`;
  const isKnown = voters.has(member) || learners.has(member);
  if (type !== "add-learner" && !isKnown) {
    return refuse(
      "not-a-member",
      `${what}: it is no member. Members: ${[...voters, ...learners].toSorted().join(", ")}`,
    );
  }
  switch (type) {
    case "add-learner":
      if (member === "") return refuse("not-a-member", `${what}: a member needs a name`);
      if (isKnown) {
        const part = voters.has(member) ? "voter" : "learner";
        return refuse("already-a-member", `${what}: it is a ${part} already`);
      }
      learners.add(member);
      if (change.address !== undefined) addresses.set(member, change.address);
      return null;
    case "promote":
      if (voters.has(member)) return refuse("already-a-member", `${what}: it is a voter already`);
      learners.delete(member);
      voters.add(member);
      return null;
    case "demote":
      if (learners.has(member)) return refuse("already-a-member", `${what}: it is a learner already`);
      voters.delete(member);
      learners.add(member);
      return null;
    case "remove":
      voters.delete(member);
      learners.delete(member);
      return null;
    default:
      return type satisfies never;
  }
}

/** With the addresses of those who are still members. */
function accept(lists: Omit<Configuration, "addresses">, addresses: ReadonlyMap<string, string>): NextConfiguration {
  const configuration = { ...lists, addresses: {} };
  const kept = allMembers(configuration).filter((member) => addresses.has(member));
  const entries = kept.map((member) => [member, addresses.get(member) as string] as const);
  return { ok: true, configuration: { ...configuration, addresses: Object.fromEntries(entries) } };
}

function refuse(code: Exclude<NextConfiguration, { ok: true }>["code"], message: string): NextConfiguration {
  return { ok: false, code, message };
}
