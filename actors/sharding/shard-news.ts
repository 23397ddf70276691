/** Which shards some news are about. What they are like is then asked of the mirror: in one piece of news a shard may change twice. */
import type { CoordinationNews } from "../coordination/coordination-news.ts";

export function shardsIn(news: CoordinationNews): ReadonlySet<number> {
  const records = news.type === "coordination-synced" ? news.records : news.changes.map(({ record }) => record);
  return new Set(records.flatMap((record) => (record.kind === "shard" ? [record.shard] : [])));
}
