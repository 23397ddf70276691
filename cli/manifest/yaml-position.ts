/** Where a field of a YAML document stands in its file, so that a mistake can be pointed at. */
import { isAlias, isCollection, isMap, isScalar, type Document, type LineCounter, type Node, type Pair } from "yaml";

export type FieldPath = readonly (string | number)[];

export interface Position {
  readonly line: number;
  readonly column: number;
}

/**
 * The position of the value at `path`; with `key`, of its key. Where the path ends early, because a field is missing,
 * the position of what should have held it.
 */
export function positionOf(
  document: Document,
  lines: LineCounter,
  path: FieldPath,
  what: "value" | "key" = "value",
): Position {
  let at: Node | null = document.contents;
  let offset = at?.range?.[0] ?? 0;
  for (const [depth, step] of path.entries()) {
    const pair = pairOf(document, at, step);
    if (pair === undefined) break;
    const last = depth === path.length - 1;
    offset = startOf((last && what === "key" ? pair.key : pair.value) ?? pair.key) ?? offset;
    at = pair.value;
  }
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

/** An item of a list has no key of its own: its value stands for it. */
function pairOf(document: Document, node: Node | null, step: string | number): Pair<Node, Node | null> | undefined {
  const resolved = isAlias(node) ? node.resolve(document) : node;
  if (isMap<Node, Node | null>(resolved)) {
    return resolved.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
  }
  if (!isCollection(resolved)) return undefined;
  const item = resolved.items[Number(step)] as Node | undefined;
  return item === undefined ? undefined : ({ key: item, value: item } as Pair<Node, Node | null>);
}

function startOf(node: Node | null): number | undefined {
  return node?.range?.[0];
}
