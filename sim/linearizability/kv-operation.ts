/** Operations on the keys of a map, of which registers and compare-and-set are those of a map with one key. */

/** What a client asks of one key. Values are text; whoever has others writes them as text. */
export type KvInput =
  | { readonly type: "get" }
  | { readonly type: "put"; readonly value: string }
  /** Puts `value` where `expected` is; null: where nothing is. */
  | { readonly type: "cas"; readonly expected: string | null; readonly value: string }
  | { readonly type: "delete" };

/** `get`: the value, null when there is none; `cas`: whether it took place; `put` and `delete`: true. */
export type KvOutput = string | boolean | null;
