/** Simulates the gossiping actors in a process of its own and prints the result as JSON; see simulate.test.ts. */
import { simulate } from "../../../sim/index.ts";
import { gossipRun } from "./gossip-actors.ts";

const result = await simulate({ ...gossipRun().options, seed: Number(process.argv[2]) });
process.stdout.write(JSON.stringify(result));
