/**
 * A user whose VMs wait for each other: he applies all of them in whatever order, stops and starts some, and deletes all at once. His graph is drawn with
 * the run and has no cycle; what no VM of it may do, `../checkers/dependency-checker.ts` sees.
 */
import type { CommandOf, VmSpec } from "../../actors/index.ts";
import { createRandom, type Random } from "../../runtime/index.ts";
import type { StackKind } from "../schedule/load-act.ts";
import { PacedUsers, type PacedUsersOptions } from "./paced-users.ts";
import type { UsersAct } from "./users.ts";

type StackAct = Extract<UsersAct, { readonly type: "stack" }>;

type Wanted = CommandOf<"apply-vm" | "set-running" | "delete-vm">;

/** Names of the VMs that there may be. */
export const STACK: readonly string[] = ["stack0", "stack1", "stack2", "stack3", "stack4"];

/** Mean pause between two acts. */
const EVERY_US = 5_000_000;

const HOW: readonly StackKind[] = ["apply", "apply", "apply", "stop", "start", "delete"];

const TIMING = { failuresMax: 3, startMs: 15_000 };

export class VmStacks extends PacedUsers<StackAct> {
  applied = 0;
  readonly #specs: ReadonlyMap<string, VmSpec>;

  constructor(options: PacedUsersOptions) {
    super(options, { type: "stack", everyUs: EVERY_US, ways: HOW });
    this.#specs = drawSpecs(options.random);
  }

  /** At one node, without waiting for answers. False when it does not run. */
  override perform({ node, how, chance }: StackAct): boolean {
    const { cluster, desk } = this.options;
    const at = cluster.nodes[node];
    if (!this.isActive || at === undefined || !at.running) return false;
    const random = createRandom(chance);
    for (const command of this.#commands(how, random)) {
      desk.write(at, command, (reply) => {
        if (command.type === "apply-vm" && reply?.ok === true && reply.outcome.ok) this.applied += 1;
      });
    }
    return true;
  }

  #commands(how: StackKind, random: Random): readonly Wanted[] {
    const names = shuffled([...this.#specs.keys()], random);
    switch (how) {
      case "apply":
        return [...this.#specs]
          .toSorted(([one], [other]) => names.indexOf(one) - names.indexOf(other))
          .map(([name, spec]) => ({ type: "apply-vm", name, labels: {}, spec }));
      case "delete":
        return names.map((name) => ({ type: "delete-vm", name }));
      case "stop":
      case "start":
        return names.slice(0, 1).map((name) => ({ type: "set-running", name, running: how === "start" }));
      default:
        return how satisfies never;
    }
  }
}

function shuffled(names: readonly string[], random: Random): readonly string[] {
  const at = new Map(names.map((name) => [name, random.next()]));
  return names.toSorted((one, other) => (at.get(one) ?? 0) - (at.get(other) ?? 0));
}

/** Each names some of those before it, half of them required. */
function drawSpecs(random: Random): ReadonlyMap<string, VmSpec> {
  const count = 2 + random.integer(STACK.length - 1);
  return new Map(
    STACK.slice(0, count).map((name, at) => {
      const earlier = STACK.slice(0, at);
      const requires = earlier.filter(() => random.next() < 0.5);
      const after = earlier.filter(() => random.next() < 0.3);
      return [
        name,
        { ...drawSpec(random), ...(requires.length > 0 && { requires }), ...(after.length > 0 && { after }) },
      ];
    }),
  );
}

function drawSpec(random: Random): VmSpec {
  const health = drawHealth(random);
  return {
    ...{ running: true, vcpus: 1, memoryMiB: 64, image: "base", command: [], env: {}, files: [] },
    ports: [{ name: "web", guest: 80 }],
    ...(health !== undefined && { health }),
    ...{ restart: "always", stopGraceMs: random.integer(2000), nodeSelector: {} },
  };
}

function drawHealth(random: Random): VmSpec["health"] {
  const drawn = random.next();
  if (drawn < 0.3) return { type: "tcp", port: 80, path: "/", intervalMs: 1000, timeoutMs: 1000, ...TIMING };
  if (drawn < 0.6) return { type: "exec", command: ["/bin/check"], intervalMs: 1000, timeoutMs: 1000, ...TIMING };
  // A modelled guest beats every five seconds.
  return drawn < 0.8 ? { type: "heartbeat", intervalMs: 11_000, ...TIMING } : undefined;
}
