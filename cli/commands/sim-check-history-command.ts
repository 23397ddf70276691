/** `blixard sim check-history`: judges a history that somebody else recorded. */
import { writeFile } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { Option, type Command } from "commander";
import type { HistoryFormat, HistoryModelName } from "../../sim/index.ts";
import type { CliContext } from "../cli-context.ts";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import type { JudgedHistory } from "../history/judge-history.ts";
import { takeInherited, toChoice } from "./sim-inherited-option.ts";
import { durationOption, toCount } from "./wait-options.ts";

const MODELS = ["register", "cas", "kv", "lock"] as const satisfies readonly HistoryModelName[];
const FORMATS = ["edn", "log", "json"] as const satisfies readonly HistoryFormat[];
const STATES_DEFAULT = 1_000_000;
const STATES_MAX = 100_000_000;
const TIMEOUT_DEFAULT_MS = 60_000;

const MORE = `
Models:
  register   one register: read, write
  cas        one register: read, write, cas with [old new]
  kv         a map: read (get), write (put), cas, delete with [key value]; each key is judged by itself
  lock       a lock: acquire, release; its owner is the value, or the process

Formats:
  edn        Jepsen's history.edn: {:process 0, :type :invoke, :f :read, :value nil}, one a line or all in a vector
  log        0 :invoke :write 3 · 0 :ok :write 3, as they are or as jepsen.log has them
  json       an operation a line: {"client":"c1","key":"k","input":{"type":"put","value":"x"},"output":true,"callUs":1,"returnUs":5}

:fail did not happen; :info, or no return at all, may have happened at any time since, or never.

Examples:
  blixard sim check-history --model cas store/latest/history.edn
  blixard sim check-history --model kv --picture wrong.html history.jsonl
  grep jepsen.util jepsen.log | blixard sim check-history --model register -

Exit codes: 0 linearizable · 1 not linearizable · 2 nobody knows: it cannot be read, or the search was given up`;

interface CheckHistoryFlags {
  readonly model: HistoryModelName;
  readonly format?: HistoryFormat;
  readonly picture?: string;
  readonly states: number;
  readonly timeout: number;
  readonly output: "text" | "json";
}

export function addSimCheckHistoryCommand(sim: Command, context: CliContext): void {
  const command = sim
    .command("check-history")
    .description("is a recorded history linearizable, and if not, why")
    .argument("<file>", "the history; - for standard input")
    .addOption(new Option("--model <name>", "what the operations are of").choices(MODELS).makeOptionMandatory())
    .addOption(new Option("--format <name>", "form of the file (default: told by its first line)").choices(FORMATS))
    .option("--picture <file>", "draw what is wrong into a file, .svg or .html")
    .option("--states <count>", `give up one key after this many states (default: ${STATES_DEFAULT})`)
    .addOption(durationOption("--timeout <duration>", "give up after this long", TIMEOUT_DEFAULT_MS))
    .option("-o, --output <format>", 'form of the output (choices: "text", "json", default: "text")')
    .addHelpText("after", MORE);
  command.action(async (file: string) => {
    refuseOptionsOf(sim, command);
    const states = takeInherited(command, "states", toCount(1, STATES_MAX)) ?? STATES_DEFAULT;
    const output = takeInherited(command, "output", toChoice<"text" | "json">(["text", "json"])) ?? "text";
    await checkFile(context, file, { ...command.opts<CheckHistoryFlags>(), states, output });
  });
}

/** Options that only a simulation has would be without effect. */
function refuseOptionsOf(sim: Command, command: Command): void {
  const own = new Set(command.options.map((option) => option.attributeName()));
  const given = sim.options.find((option) => {
    const name = option.attributeName();
    return !own.has(name) && sim.getOptionValueSource(name) === "cli";
  });
  if (given === undefined) return;
  throw usageError(
    `Cannot check a history with ${given.long ?? given.flags}: that is an option of a simulation.`,
    'See "blixard sim check-history --help".',
  );
}

async function checkFile(context: CliContext, file: string, flags: CheckHistoryFlags): Promise<void> {
  const { terminal } = context;
  const picture = flags.picture === undefined ? null : pictureOf(flags.picture);
  const [{ judgeHistory }, { historyDocument, renderJudged }] = await Promise.all([
    import("../history/judge-history.ts"),
    import("../history/render-judged.ts"),
  ]);
  const judged = await judgeHistory(context, file, flags);
  const rendered =
    flags.output === "json"
      ? `${JSON.stringify(historyDocument(judged), null, 2)}\n`
      : renderJudged(judged, terminal.out.columns);
  terminal.out.write(rendered);
  const { verdict } = judged;
  if (verdict.verdict === "linearizable") {
    if (flags.picture !== undefined) terminal.err.write(`${flags.picture} is not written: there is nothing to draw.\n`);
    return;
  }
  if (verdict.verdict === "gave-up") {
    throw new CliError(EXIT.usage, `${verdict.message}.`, {
      hint:
        verdict.why === "memory"
          ? "Nothing is known of it. Record with fewer clients a key: each operation that is open at once makes the next ones dearer."
          : "Nothing is known of it. Give --states or --timeout more, or record with fewer clients a key.",
    });
  }
  if (flags.picture !== undefined && picture !== null) await draw(context, flags.picture, picture, judged);
  const { key, operations } = verdict.counterexample;
  const count = operations.length === 1 ? "1 operation shows" : `${operations.length} operations show`;
  const object = key === null ? "" : `, at key "${key}"`;
  throw new CliError(EXIT.failed, `The history of "${file}" is not linearizable${object}: ${count} it.`);
}

type PictureKind = "svg" | "html";

function pictureOf(path: string): PictureKind {
  const extension = extname(path);
  if (extension === ".svg" || extension === ".html") return extension.slice(1) as PictureKind;
  throw usageError(`Cannot draw "${path}": its name ends in "${extension}", expected .svg or .html.`);
}

async function draw(
  { cwd, terminal }: CliContext,
  path: string,
  kind: PictureKind,
  { model, verdict, clock }: JudgedHistory,
): Promise<void> {
  if (verdict.verdict !== "not-linearizable") return;
  const { htmlPicture, svgPicture } = await import("../../sim/index.ts");
  const render = kind === "svg" ? svgPicture : htmlPicture;
  try {
    await writeFile(resolve(cwd, path), render(model, verdict.counterexample, { clock }));
  } catch (cause) {
    const { code = "unknown error" } = cause as NodeJS.ErrnoException;
    throw new CliError(EXIT.usage, `Cannot draw "${path}": it cannot be written (${code}).`, { cause });
  }
  terminal.err.write(`Drawn into ${path}\n`);
}
