/** What Raft says that only people act upon, written to the log of the node. */
import type { Logger } from "../../runtime/index.ts";
import type { RaftEvent } from "../raft/raft-actor-protocol.ts";
import type { RaftMembership } from "../raft/raft-actor-status.ts";

export type RaftNews = Extract<
  RaftEvent,
  {
    readonly type:
      | "alarm"
      | "store-repaired"
      | "store-damaged"
      | "membership"
      | "peer-refused"
      | "snapshot"
      | "snapshot-refused"
      | "read-only";
  }
>;

/** What a node is to its cluster when nobody has to do anything about it. */
const IN_SERVICE: ReadonlySet<RaftMembership> = new Set(["member", "learner", "forming"]);

export function logRaftNews(logger: Logger, node: string, news: RaftNews): void {
  switch (news.type) {
    case "alarm":
      logger.log("error", "Raft alarm", { ...news.alarm });
      return;
    case "store-repaired":
      for (const repair of news.repairs) logger.log("warn", `The log store was repaired: ${repair}`);
      return;
    case "store-damaged":
      logger.log("error", news.message, { fromIndex: news.fromIndex });
      return;
    case "membership": {
      const { membership, cluster, message } = news;
      logger.log(IN_SERVICE.has(membership) ? "info" : "warn", message, { membership, cluster });
      return;
    }
    case "peer-refused":
      logger.log("warn", news.message, { reason: news.reason, from: news.from });
      return;
    case "snapshot": {
      const { index, sizeBytes, origin } = news;
      logger.log("info", `A snapshot as of index ${index} was ${origin}`, { sizeBytes });
      return;
    }
    case "snapshot-refused":
      logger.log("error", news.message, { code: news.error.code, hint: news.error.hint });
      return;
    case "read-only":
      if (news.readOnly) {
        logger.log("error", `Node "${node}" is read-only: its disk has no room; it goes on by itself when it has`);
      } else {
        logger.log("info", `Node "${node}" takes writes again: its disk has room`);
      }
      return;
    default:
      news satisfies never;
  }
}
