/** Items in a drawn order. */
import type { Random } from "../../runtime/index.ts";

/** Every order is equally likely; one draw an item. */
export function shuffled<Item>(items: readonly Item[], random: Random): readonly Item[] {
  const left = [...items];
  return items.map(() => left.splice(random.integer(left.length), 1)[0] as Item);
}
