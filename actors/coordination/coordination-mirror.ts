/** The part of the coordination state that an actor watches, kept equal to what its replica says. */
import type { Context, Ref } from "../../runtime/index.ts";
import type { ReplicaRequest } from "../cluster/replica-protocol.ts";
import type { CoordinationNews, CoordinationSelection } from "./coordination-news.ts";
import { CoordinationTables } from "./coordination-tables.ts";

export class CoordinationMirror {
  readonly tables: CoordinationTables = new CoordinationTables();
  /** Version of the last change that was told; 0 before the first. */
  version = 0;

  /** Asks for the whole selection and all that follows, to be told to `subscriber`. */
  subscribe<Message>(
    ctx: Context<Message>,
    options: {
      readonly replica: Ref<ReplicaRequest>;
      readonly subscriber: Ref<CoordinationNews>;
      readonly selection: CoordinationSelection;
    },
  ): void {
    const { replica, subscriber, selection } = options;
    ctx.tell(replica, { type: "subscribe-coordination", subscriber, selection });
  }

  take(news: CoordinationNews): void {
    this.version = news.version;
    if (news.type === "coordination-synced") {
      this.tables.clear();
      for (const record of news.records) this.tables.put(record);
      return;
    }
    for (const { type, record } of news.changes) {
      if (type === "put") this.tables.put(record);
      else this.tables.remove(record);
    }
  }
}
