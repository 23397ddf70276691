/**
 * A scratch repository: this one's configuration over a tree of one-line folders, where a test may plant violations.
 *
 * The configuration files are copied, not rewritten, so what passes or fails here passes or fails in the repository.
 */
import { spawnSync } from "node:child_process";
import { cpSync, globSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { REPOSITORY, ScratchFolder } from "./scratch-folder.ts";

const CONFIGURATION = ["package.json", "oxlint.config.ts", "tsconfig.json", "tsconfig.base.json"];

/** What a checker said about one line. */
export interface Finding {
  readonly file: string;
  readonly line: number;
  /** `TS6307`, `eslint(no-restricted-imports)`, … */
  readonly rule: string;
  readonly message: string;
}

export class ScratchTree extends ScratchFolder {
  /** Every folder with a tsconfig.json of its own, for example `runtime/node`. */
  readonly folders: readonly string[];

  constructor() {
    super();
    for (const name of CONFIGURATION) cpSync(join(REPOSITORY, name), join(this.root, name));
    symlinkSync(join(REPOSITORY, "node_modules"), join(this.root, "node_modules"));
    this.folders = globSync(["*/tsconfig.json", "*/node/tsconfig.json"], { cwd: REPOSITORY })
      .map((config) => dirname(config))
      .toSorted();
    for (const folder of this.folders) {
      this.plant(`${folder}/index.ts`, ["export const one: number = 1;"]);
      cpSync(join(REPOSITORY, folder, "tsconfig.json"), join(this.root, folder, "tsconfig.json"));
    }
  }

  /** Runs what `npm run check:types` runs. */
  compile(): readonly Finding[] {
    const output = this.#run("tsc", ["-b", "--pretty", "false"]);
    return [...output.matchAll(/^(.+?)\((\d+),\d+\): error (TS\d+): (.*)$/gm)].map(asFinding);
  }

  /** Runs what `npm run check:lint` runs, without the rules that need types: none of ours does. */
  lint(): readonly Finding[] {
    const output = this.#run("oxlint", ["--deny-warnings", "--format", "unix"]);
    return [...output.matchAll(/^(.+?):(\d+):\d+: (.*) \[\w+\/(.+)\]$/gm)].map(([whole, file, line, message, rule]) =>
      asFinding([whole, file, line, rule, message]),
    );
  }

  /** The output of a checker. Refuses a run that says something failed and not what. */
  #run(tool: string, args: readonly string[]): string {
    const executable = join(REPOSITORY, "node_modules", ".bin", tool);
    const { status, stdout, stderr } = spawnSync(process.execPath, [executable, ...args], {
      cwd: this.root,
      encoding: "utf8",
    });
    const found = /error TS\d+|\[Error\//.test(stdout);
    if ((status === 0) === found) throw new Error(`${tool} ended with ${status} and printed: ${stdout}${stderr}`);
    return stdout;
  }
}

function asFinding(match: readonly (string | undefined)[]): Finding {
  const [, file = "", line = "", rule = "", message = ""] = match;
  return { file, line: Number(line), rule, message };
}
