/**
 * The record of the cluster that `up` started, in the state folder: how other commands find its API, and how `down`, or
 * the next `up` after a crash, finds every process of it. Written before each process may leave a trace; removed when
 * nothing of the cluster runs any more.
 *
 * HOME/cluster.json, HOME/token (the cluster's secret), HOME/logs/NODE.log, HOME/data/NODE/ (unless `--data` moved it)
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { isRunning, type ProcessIdentity } from "../../runtime/node/guard/process-identity.ts";

export interface ClusterRecord {
  readonly format: 1;
  readonly clusterId: string;
  /** Whether the cluster is meant to run without its `up`. */
  readonly detached: boolean;
  /** Holds a folder a node. */
  readonly dataDir: string;
  /** Whether `dataDir` is the user's, and stays. */
  readonly keepData: boolean;
  readonly nodes: readonly NodeRecord[];
}

export interface NodeRecord {
  readonly name: string;
  /** null: not started yet. */
  readonly process: ProcessIdentity | null;
  readonly apiUrl: string;
  /** TCP ports that it listens on. */
  readonly ports: readonly number[];
  readonly dataDir: string;
  readonly logFile: string;
}

const RECORD = "cluster.json";
const TOKEN = "token";

export class ClusterHome {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  get dataDir(): string {
    return join(this.folder, "data");
  }

  get logsDir(): string {
    return join(this.folder, "logs");
  }

  logFile(node: string): string {
    return join(this.logsDir, `${node}.log`);
  }

  /** undefined when no cluster is recorded. @throws CliError when the record cannot be understood. */
  read(): ClusterRecord | undefined {
    const file = join(this.folder, RECORD);
    let text: string;
    try {
      text = readFileSync(file, "utf8");
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ENOTDIR") return undefined;
      throw new CliError(EXIT.failed, `Cannot read "${file}" (${code ?? "unknown error"}).`, { cause: error });
    }
    return parseRecord(file, text);
  }

  /** Replaces the record in one step: a reader sees the old or the new one. */
  write(record: ClusterRecord): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const temporary = join(this.folder, `.${RECORD}.${process.pid}`);
    writeFileSync(temporary, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
    renameSync(temporary, join(this.folder, RECORD));
  }

  remove(): void {
    for (const name of [RECORD, TOKEN]) rmSync(join(this.folder, name), { force: true });
  }

  writeToken(token: string): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const file = join(this.folder, TOKEN);
    // An existing file would keep its mode.
    rmSync(file, { force: true });
    writeFileSync(file, `${token}\n`, { mode: 0o600 });
  }
}

export function runningNodes(record: ClusterRecord): readonly NodeRecord[] {
  return record.nodes.filter(({ process: identity }) => identity !== null && isRunning(identity));
}

function parseRecord(file: string, text: string): ClusterRecord {
  try {
    const record = JSON.parse(text) as ClusterRecord;
    if (record.format === 1 && Array.isArray(record.nodes)) return record;
  } catch {
    // Reported below.
  }
  throw new CliError(EXIT.failed, `Cannot read "${file}": it is not a record of a cluster.`, {
    hint: 'End what still runs of that cluster ("ps -ef | grep blixard"), then remove the file.',
  });
}
