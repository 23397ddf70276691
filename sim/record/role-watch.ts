/** Who was what, in which term: asked of each member after each event that touched it, told where it changes. */
import type { RaftStatus } from "../../actors/raft/index.ts";
import type { Fact, Role, RoleSpan } from "./run-record.ts";

interface Known {
  readonly role: Role;
  readonly term: number;
  readonly fromUs: number;
  commit: number;
}

export class RoleWatch {
  readonly #known: (Known | null)[];
  readonly #past: RoleSpan[] = [];

  constructor(nodes: number) {
    this.#known = Array.from({ length: nodes }, () => null);
  }

  /** What is new about a member. */
  look(
    node: number,
    { role, term, commit }: Pick<RaftStatus, "role" | "term" | "commit">,
    atUs: number,
  ): readonly Fact[] {
    const known = this.#known[node] ?? null;
    const facts: Fact[] = [];
    if (known === null || known.role !== role || known.term !== term) {
      this.onEnd(node, atUs);
      this.#known[node] = { role, term, fromUs: atUs, commit };
      // A member that has only just begun follows, as is told by its start.
      if (known !== null || role !== "follower" || term > 0) facts.push({ type: "role", role, term });
    }
    if (known !== null && commit > known.commit) facts.push({ type: "said", kind: "apply", text: `commits ${commit}` });
    const now = this.#known[node];
    if (now) now.commit = commit;
    return facts;
  }

  onEnd(node: number, atUs: number): void {
    const known = this.#known[node];
    if (!known) return;
    const { role, term, fromUs } = known;
    this.#past.push({ node, role, term, fromUs, toUs: atUs });
    this.#known[node] = null;
  }

  /** All of them, up to the end of the run. */
  spans(endUs: number): readonly RoleSpan[] {
    const now = this.#known.flatMap((known, node) => {
      return known === null ? [] : [{ node, role: known.role, term: known.term, fromUs: known.fromUs, toUs: endUs }];
    });
    return [...this.#past, ...now].toSorted((one, other) => one.fromUs - other.fromUs);
  }
}
