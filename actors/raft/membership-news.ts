/**
 * What this member is to its cluster, told when it changes.
 *
 * Its own configuration says so, but for one case: who is removed while it does not listen is sent nothing any more, not even
 * the entry that removes it. It polls then, and whoever does not find it in a committed configuration answers as to a hello.
 */
import { decodeConfiguration } from "./core/configuration-codec.ts";
import { allMembers, EMPTY_CONFIGURATION, type Configuration } from "./core/configuration.ts";
import type { RaftView } from "./core/raft-core.ts";
import type { ConfigurationInForce } from "./core/ready.ts";
import type { FormationMessage } from "./formation/formation-messages.ts";
import { membershipIn } from "./host-status.ts";
import type { HostPorts } from "./host-ports.ts";
import { nodeOf } from "./member-id.ts";
import type { RaftMembership } from "./raft-actor-status.ts";

export class MembershipNews {
  readonly #ports: HostPorts;
  readonly #self: string;
  readonly #cluster: string;
  #inForce: ConfigurationInForce = { configuration: EMPTY_CONFIGURATION, index: 0, committed: false };
  #told: RaftMembership | null = null;
  /** Another member of this cluster does not know it, and nobody who leads has been heard since. */
  #isDropped = false;

  constructor(ports: HostPorts, identity: { readonly member: string; readonly cluster: string }) {
    this.#ports = ports;
    this.#self = identity.member;
    this.#cluster = identity.cluster;
  }

  get membership(): RaftMembership {
    const { configuration, committed } = this.#inForce;
    if (this.#isDropped) return "removed";
    const found = membershipIn(configuration, this.#self);
    if (found !== null) return found;
    // Until the first configuration has come; and one that may be taken back removes nobody.
    return configuration.voters.length > 0 && committed ? "removed" : "learner";
  }

  onConfiguration(inForce: ConfigurationInForce): void {
    this.#inForce = inForce;
    this.#tell();
  }

  /** A leader was heard, so it has not dropped this member. */
  onLeader(): void {
    this.#isDropped = false;
    this.#tell();
  }

  onAnswer(message: Extract<FormationMessage, { readonly type: "hello-answer" }>, core: RaftView): void {
    const { to, belongs } = message;
    if (to !== this.#self || belongs?.cluster !== this.#cluster || core.status().leader !== null) return;
    const theirs = read(belongs.configuration);
    if (theirs === null || allMembers(theirs).includes(this.#self)) return;
    this.#isDropped = true;
    this.#tell();
  }

  /** Not a member by a configuration that cannot be taken back. */
  isStranger(member: string): boolean {
    const { configuration, committed } = this.#inForce;
    return committed && !allMembers(configuration).includes(member);
  }

  #tell(): void {
    const { membership } = this;
    if (membership === this.#told) return;
    this.#told = membership;
    const message = describe(membership, this.#self, this.#cluster);
    this.#ports.tell({ type: "membership", membership, cluster: this.#cluster, message });
  }
}

function describe(membership: RaftMembership, self: string, cluster: string): string {
  const node = nodeOf(self);
  switch (membership) {
    case "member":
      return `Node "${node}" is a voter of cluster ${cluster}`;
    case "learner":
      return `Node "${node}" is a learner of cluster ${cluster}: it gets the log and does not vote until it is promoted`;
    default: {
      const helps = "stop it, or remove its data folder and add it as a new member";
      return `Node "${node}" was removed from cluster ${cluster}, as member "${self}"; ${helps}`;
    }
  }
}

/** Another version's configuration may be one that this version cannot read: then nothing is known. */
function read(bytes: Uint8Array): Configuration | null {
  try {
    return decodeConfiguration(bytes);
  } catch {
    return null;
  }
}
