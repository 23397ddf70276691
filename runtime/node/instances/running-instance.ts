/** What a node process knows of an instance that runs, beside what is on disk: how to reach it and who waits for its end. */
import type { FSWatcher } from "node:fs";
import type { ProcessIdentity } from "../guard/process-identity.ts";
import type { ConsoleLog } from "./console-log.ts";
import type { InstanceRecord } from "./instance-store.ts";
import type { Machine } from "./machine-driver.ts";

export interface RunningInstance {
  readonly record: InstanceRecord;
  readonly folder: string;
  readonly child: ProcessIdentity;
  readonly log: ConsoleLog;
  readonly machine: Machine;
  readonly exitWaiters: (() => void)[];
  watcher: FSWatcher | undefined;
  /** Until `start` has its answer, an end belongs into that answer. */
  starting: boolean;
  stopping: boolean;
  booted: boolean;
  ended: boolean;
}
