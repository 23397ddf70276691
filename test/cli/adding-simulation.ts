/** A simulation for the command line: adders of which one number is wrong, and which count what all runs of the process have added. */
import { stateless } from "../../runtime/index.ts";
import { defineSimulation, type SimulationDefinition } from "../../sim/index.ts";

interface Add {
  readonly to: string;
  readonly by: number;
}

/** What no run should know of another. */
let total = 0;

const adding: SimulationDefinition<Add> = defineSimulation<Add>({
  name: "adding",
  planted: { seven: "seven is wrong", total: "what is noted depends on what ran before", shy: "nothing is added" },
  sometimes: ["added"],
  make: ({ planted }) => {
    let wrong: string | null = null;
    return {
      durationMs: 5000,
      start: ({ name, system, mark }) => {
        const adder = stateless<number>("adder", (by) => {
          mark("added");
          if (planted.has("seven") && by === 7) wrong = `seven on ${name}`;
        });
        system.spawn(adder, { name: "adder" });
      },
      load: {
        draw: ({ names, random }) =>
          planted.has("shy") ? null : { to: names[random.integer(names.length)] ?? "n1", by: random.integer(30) },
        act: (run, { to, by }) => {
          total += by;
          if (planted.has("total")) run.note(`${total}`);
          const system = run.node(to)?.system;
          system?.tell(system.refAt<number>({ node: to, path: "adder" }), by);
        },
      },
      always: { "nothing is wrong": () => wrong },
    };
  },
});

export default adding;
