/**
 * Two-phase commit under the simulator: transactions from everywhere, and what must hold whatever happens to nodes, network and disks.
 * `blixard sim --actors examples/two-phase-commit/simulation.ts` runs it.
 *
 * What the rules look at is kept outside of the processes: what each participant has durably ended with, and what clients were told.
 */
import { PersistenceError, stateless } from "../../library/index.ts";
import {
  defineSimulation,
  type SimulateOptions,
  type Simulation,
  type SimulationDefinition,
} from "../../library/sim.ts";
import type { CoordinatorMessage, Told, Transaction } from "./messages.ts";
import type { Participant } from "./participant.ts";
import { startNode } from "./two-phase-commit.ts";

/** A transaction, and the node that it begins at. */
interface Step extends Transaction {
  readonly at: string;
}

const KEYS = ["x", "y", "z"];

const twoPhaseCommit: SimulationDefinition<Step> = defineSimulation<Step>({
  name: "two-phase commit",
  planted: { "tells-first": "the coordinator tells of a commit before its decision is on the disk" },
  sometimes: ["commit", "abort", "in doubt at a restart"],
  make: ({ planted }) => transactions({ writesFirst: !planted.has("tells-first") }),
});

export default twoPhaseCommit;

function transactions({ writesFirst }: { readonly writesFirst: boolean }): Omit<SimulateOptions<Step>, "seed"> {
  /** By node: what its participant has on its disk. */
  const stores = new Map<string, Participant>();
  const told = new Map<string, Told>();
  let begun = 0;

  function draw(run: Simulation): Step {
    const { names, random } = run;
    const drawn = (of: readonly string[]): string => of[random.integer(of.length)] ?? "";
    const left = drawn(names);
    begun += 1;
    const participants = names.filter((name) => name !== left);
    return { at: drawn(names), id: `t${begun}`, key: drawn(KEYS), participants };
  }

  function act(run: Simulation, { at, ...transaction }: Step): void {
    const system = run.node(at)?.system;
    if (system === undefined) return;
    const client = system.spawn(stateless<Told>("client", (answer) => void told.set(answer.id, answer)));
    const to = system.refAt<CoordinatorMessage>({ node: at, path: "coordinator" });
    system.tell(to, { type: "begin", transaction, replyTo: client });
  }

  return {
    nodes: 3,
    durationMs: 30_000,
    start: (node) => {
      if (node.life > 1 && Object.keys(stores.get(node.name)?.prepared ?? {}).length > 0)
        node.mark("in doubt at a restart");
      startNode(node.system, {
        writesFirst,
        onParticipant: (name, state) => {
          const { ended } = stores.get(name) ?? { ended: {} };
          stores.set(name, state);
          for (const [id, decision] of Object.entries(state.ended)) {
            if (id in ended) continue;
            node.mark(decision);
            node.note(`${name} ${decision} ${id}`);
          }
        },
      });
    },
    load: { everyMs: 200, draw, act },
    // A broken disk: the node is started again on a whole one.
    allowCrash: ({ error }) => error instanceof PersistenceError,
    always: {
      "all or nothing": () => {
        const first = new Map<string, readonly [string, string]>();
        for (const [node, { ended }] of stores) {
          for (const [id, decision] of Object.entries(ended)) {
            const [other, before] = first.get(id) ?? [node, decision];
            if (before !== decision) return `${id}: ${before} at ${other}, ${decision} at ${node}`;
            first.set(id, [node, decision]);
          }
        }
        return null;
      },
      "what a client was told is so": () => {
        for (const [node, { ended }] of stores) {
          for (const [id, { decision }] of told) {
            const here = ended[id] ?? decision;
            if (here !== decision) return `${id}: its client was told ${decision}, and ${node} has ${here}`;
          }
        }
        return null;
      },
    },
    eventually: {
      "nobody is in doubt": () => {
        for (const [node, { prepared }] of stores) {
          const [id] = Object.keys(prepared);
          if (id !== undefined) return `${node} does not know what became of ${id}`;
        }
        return null;
      },
    },
  };
}
