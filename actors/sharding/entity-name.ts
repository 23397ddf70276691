/** Names: an entity's id is any text, an actor's name is not; and each id belongs to one shard. */

/** Longest name of an actor. */
const NAME_MAX = 128;

const PLAIN = /[A-Za-z0-9-]/;

/**
 * A name for the actor of an entity: no two ids have the same. Undefined when the id is empty or its name too long, and when it is
 * no text, as where `entityOf` looks for an id in a message that has none.
 */
export function entityName(entity: unknown): string | undefined {
  if (typeof entity !== "string") return undefined;
  let name = "";
  for (let i = 0; i < entity.length && name.length <= NAME_MAX; i++) {
    const unit = entity.charAt(i);
    name += PLAIN.test(unit) ? unit : `_${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  }
  return name.length === 0 || name.length > NAME_MAX ? undefined : name;
}

/** The shard of an entity when nobody says otherwise: FNV-1a over its UTF-16 units, the same on every node for ever. */
export function hashShard(entity: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < entity.length; i++) hash = Math.imul(hash ^ entity.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % shards;
}
