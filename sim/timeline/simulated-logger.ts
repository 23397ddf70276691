/** The logger port: what a node says goes into the event log, without the fields, which may hold anything. */
import type { Logger } from "../../runtime/index.ts";
import type { ProcessLife } from "./process-life.ts";
import type { Timeline } from "./timeline.ts";

export function loggerOf(node: number, life: ProcessLife, timeline: Timeline): Logger {
  return {
    log: (level, message) => {
      if (life.alive) timeline.note(`log ${node} ${level} ${message}`);
    },
  };
}
