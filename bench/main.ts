/** `npm run bench -- NAME [--json] [--quick]` runs one benchmark; `--list` names them. */
import { parseArgs } from "node:util";
import { cpus, loadavg } from "node:os";
import { actorsBench } from "./actors.ts";
import type { Bench, Row } from "./bench.ts";
import { createBench } from "./create.ts";
import { failoverBench } from "./failover.ts";
import { historyBench } from "./history.ts";
import { idleBench } from "./idle.ts";
import { journalBench } from "./journal.ts";
import { raftBench } from "./raft.ts";
import { remoteBench } from "./remote.ts";
import { simBench } from "./sim.ts";
import { simMonthBench } from "./sim-month.ts";
import { vmAdoptionBench } from "./vm-adoption.ts";
import { vmCyclesBench } from "./vm-cycles.ts";
import { vmMovesBench } from "./vm-moves.ts";
import { vmsBench } from "./vms.ts";

const BENCHES: readonly Bench[] = [
  actorsBench,
  createBench,
  failoverBench,
  historyBench,
  idleBench,
  journalBench,
  raftBench,
  remoteBench,
  simBench,
  simMonthBench,
  vmAdoptionBench,
  vmCyclesBench,
  vmMovesBench,
  vmsBench,
];

const USAGE = `Usage: npm run bench -- NAME [--json] [--quick]
       npm run bench -- --list

--json prints, behind the table, one JSON object on the last line; --quick measures
less and for a shorter time where that takes long.`;

function printTable(rows: readonly Row[]): void {
  const cells = rows.map((row) => [row.measure, row.value.toLocaleString("en-US"), row.unit, row.note]);
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  for (const [measure = "", value = "", unit = "", note = ""] of cells) {
    const [measureWidth = 0, valueWidth = 0, unitWidth = 0] = widths;
    console.log(`  ${measure.padEnd(measureWidth)}  ${value.padStart(valueWidth)} ${unit.padEnd(unitWidth)}  ${note}`);
  }
}

async function runOne(
  bench: Bench,
  { json, quick }: { readonly json: boolean; readonly quick: boolean },
): Promise<void> {
  console.log(`${bench.name}: ${bench.summary}`);
  const rows = await bench.run((line) => console.error(`  ${line}`), { quick });
  printTable(rows);
  const machine = {
    node: process.version,
    cpus: cpus().length,
    model: cpus()[0]?.model ?? "unknown",
    load1: loadavg()[0],
  };
  console.log(`  on ${machine.cpus} x ${machine.model}, Node.js ${machine.node}, load ${machine.load1?.toFixed(2)}`);
  if (json) console.log(JSON.stringify({ bench: bench.name, rows, machine }));
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      list: { type: "boolean" },
      json: { type: "boolean" },
      quick: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.list === true) {
    if (values.json === true) console.log(JSON.stringify(BENCHES.map(({ name, summary }) => ({ name, summary }))));
    else for (const { name, summary } of BENCHES) console.log(`${name.padEnd(10)}  ${summary}`);
    return 0;
  }
  const bench = BENCHES.find(({ name }) => name === positionals[0]);
  if (values.help === true || bench === undefined || positionals.length !== 1) {
    if (bench === undefined && positionals[0] !== undefined) {
      console.error(
        `There is no benchmark "${positionals[0]}"; there are: ${BENCHES.map(({ name }) => name).join(", ")}\n`,
      );
    }
    console.error(USAGE);
    return values.help === true ? 0 : 2;
  }
  await runOne(bench, { json: values.json === true, quick: values.quick === true });
  return 0;
}

process.exitCode = await main();
