/**
 * The queue under the simulator: jobs from everywhere, and what must hold whatever happens to nodes, network and disks.
 * `blixard sim --actors examples/job-queue/simulation.ts` runs it.
 *
 * What the rules look at is kept outside of the processes: what is on the shelf, durably, and which jobs were accepted.
 */
import { joinCluster, PersistenceError, stateless, type Ref } from "../../library/index.ts";
import {
  defineSimulation,
  type SimulatedNode,
  type SimulateOptions,
  type Simulation,
  type SimulationDefinition,
} from "../../library/sim.ts";
import { startQueue } from "./job-queue.ts";
import type { Accepted, Jobs, LeaderMessage } from "./messages.ts";
import { shelf } from "./shelf.ts";
import { wayTo } from "./way-to-shelf.ts";

/** A job, and the node that it is submitted at. */
interface Step {
  readonly at: string;
  readonly job: string;
}

const jobQueue: SimulationDefinition<Step> = defineSimulation<Step>({
  name: "job queue",
  planted: { "no-fence": "the shelf takes what an earlier leader has sent" },
  sometimes: ["accepted", "done", "led again", "refused"],
  make: ({ planted }) => queue({ looksAtFence: !planted.has("no-fence") }),
});

export default jobQueue;

function queue({ looksAtFence }: { readonly looksAtFence: boolean }): Omit<SimulateOptions<Step>, "seed"> {
  let onShelf: Jobs = {};
  const accepted = new Set<string>();
  const done = new Set<string>();
  const leaders = new Map<string, Ref<LeaderMessage>>();
  let submitted = 0;

  return {
    nodes: 3,
    durationMs: 40_000,
    start: (node) => {
      joinCluster(node.system, node.cluster);
      if (node.index === 0) startShelf(node);
      const ref = startQueue(node.system, {
        nodes: node.names,
        shelf: { node: "n1", path: "shelf" },
        onLead: ({ fence }) => {
          node.note(`${node.name} leads with fence ${fence}`);
          node.mark(leaders.size > 0 ? "led again" : "led");
        },
      });
      leaders.set(node.name, ref);
    },
    load: {
      everyMs: 500,
      draw: ({ names, random }) => ({ at: names[random.integer(names.length)] ?? "", job: `j${++submitted}` }),
      act: (run, { at, job }) => submit(run, at, job),
    },
    // A broken disk: the node is started again on a whole one.
    allowCrash: ({ error }) => error instanceof PersistenceError,
    always: {
      "an accepted job is on the shelf": () => {
        for (const job of accepted) if (!(job in onShelf)) return `${job} was accepted, and is gone`;
        return null;
      },
      "what is done stays done": () => {
        for (const job of done) if (onShelf[job] === "waiting") return `${job} was done, and waits again`;
        for (const [job, step] of Object.entries(onShelf)) if (step === "done") done.add(job);
        return null;
      },
    },
    eventually: {
      "every accepted job is done": () => {
        const waiting = [...accepted].find((job) => onShelf[job] !== "done");
        return waiting === undefined ? null : `${waiting} waits`;
      },
    },
  };

  function startShelf(node: SimulatedNode): void {
    const { system } = node;
    const behavior = shelf({
      looksAtFence,
      onState: ({ fence, version, jobs }) => {
        onShelf = jobs;
        if (Object.values(jobs).includes("done")) node.mark("done");
        node.note(`shelf: version ${version} of fence ${fence}, ${Object.keys(jobs).length} jobs`);
      },
      onRefused: () => node.mark("refused"),
    });
    system.spawn(wayTo(system.spawn(behavior)), { name: "shelf" });
  }

  function submit(run: Simulation, at: string, job: string): void {
    const node = run.node(at);
    const to = leaders.get(at);
    if (node === undefined || to === undefined) return;
    const client = node.system.spawn(
      // By what it is told, not by what it asked for: the answer to a client of this node's last process may come to its namesake.
      stateless<Accepted>("client", (answer) => {
        accepted.add(answer.job);
        node.mark("accepted");
      }),
    );
    node.system.tell(to, { type: "submit", job, replyTo: client });
  }
}
