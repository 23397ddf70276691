/** The members of a fake cluster: a list, changed by what the commands ask for, and what a test wants refused. */
import { ApiError, type ApiClient, type MemberList, type MemberView } from "../../api/index.ts";

type Members = ApiClient["members"];

export class FakeMembers {
  items: MemberView[] = ["n1", "n2", "n3"].map((node) => memberOf(node, node === "n1" ? { state: "leading" } : {}));
  /** The next calls fail with these codes, one each; null: it does not. */
  readonly refusals: (string | null)[] = [];
  /** Whether changes are committed by the time they are answered. */
  done = true;
  readonly #writes: string[];

  constructor(writes: string[]) {
    this.#writes = writes;
  }

  client(): Members {
    return {
      list: async () => this.#list(),
      add: async ({ name, address }) => {
        this.#write(`add ${name} ${address ?? ""}`.trim());
        const member = memberOf(name, { role: "learner", lag: 5, address: address ?? null });
        this.items.push(member);
        return { change: "add-learner", member: member.member, index: 8, done: this.done };
      },
      promote: async (name) => this.#change("promote", name, { role: "voter", lag: 0 }),
      demote: async (name) => this.#change("demote", name, { role: "learner" }),
      remove: async (name, { force = false } = {}) => {
        this.#write(`remove ${name}${force ? " by force" : ""}`);
        const { member } = this.#named(name);
        this.items = this.items.filter((item) => item.member !== member);
        return { change: "remove", member, index: 8, done: this.done };
      },
      transfer: async ({ to = "n2", force = false } = {}) => {
        this.#write(`transfer ${to}${force ? " by force" : ""}`);
        return { from: "n1", to, done: this.done };
      },
      snapshot: async ({ node = "n1" } = {}) => this.#snapshot("snapshot", node, 0),
      compact: async ({ node = "n1" } = {}) => this.#snapshot("compact", node, 1),
    };
  }

  #snapshot(verb: string, node: string, freedEntries: number): Awaited<ReturnType<Members["snapshot"]>> {
    this.#write(`${verb} ${node}`);
    return { node, index: 7, sizeBytes: 46_694, base: 2 + freedEntries, freedEntries };
  }

  #change(
    change: "promote" | "demote",
    name: string,
    to: Partial<MemberView>,
  ): Awaited<ReturnType<Members["promote"]>> {
    this.#write(`${change} ${name}`);
    const { member } = this.#named(name);
    this.items = this.items.map((item) => (item.member === member ? { ...item, ...to } : item));
    return { change, member, index: 8, done: this.done };
  }

  #named(name: string): MemberView {
    const found = this.items.find(({ member, node }) => member === name || node === name);
    if (found === undefined) throw new ApiError(404, "not-a-member", `Cannot find "${name}": it is no member`);
    return found;
  }

  #write(words: string): void {
    this.#writes.push(words);
    const code = this.refusals.shift() ?? null;
    if (code !== null) throw new ApiError(409, code, `Refused as ${code}`);
  }

  #list(): MemberList {
    const voters = this.items.filter(({ role }) => role === "voter");
    const serving = voters.filter(({ state }) => state !== "unreachable").length;
    const needed = Math.floor(voters.length / 2) + 1;
    return {
      leader: "n1",
      term: 3,
      lastIndex: 7,
      configuration: { index: 1, committed: true, joint: false },
      quorum: { voters: voters.length, needed, serving, spare: serving - needed },
      items: [...this.items],
    };
  }
}

export function memberOf(node: string, more: Partial<MemberView> = {}): MemberView {
  return {
    member: `${node}@a`,
    node,
    role: "voter",
    state: "replicate",
    message: "",
    match: 7,
    lag: 0,
    heardAgoMs: 12,
    base: 2,
    preferences: { priority: 0, leaseReads: false },
    address: `10.0.0.${node.slice(1)}:7101`,
    ...more,
  };
}
