/**
 * Blows at the links between nodes, beyond those that cut and break them: a part of `blow.ts`, as plain data.
 *
 * Nodes by index, times in microseconds. A direction leads from a node to a node.
 */

export type Directions = readonly (readonly [number, number])[];

/** A blow at links. */
export type LinkBlow =
  /** The weather of these directions alone is worse. */
  | {
      readonly type: "link-weather";
      readonly directions: Directions;
      readonly key: "loss" | "delayMeanUs" | "duplicates" | "reordered";
      readonly value: number;
      readonly durationUs: number;
    }
  /** Messages pass one behind the other, by their size. */
  | {
      readonly type: "bandwidth";
      readonly directions: Directions;
      readonly bytesPerSecond: number;
      readonly durationUs: number;
    }
  /** Nothing passes, and then all that has come by then at once, in order. No connection breaks over it. */
  | { readonly type: "clog"; readonly directions: Directions; readonly durationUs: number }
  /** Down, up, down, up; a connection that hears nothing for long enough breaks. */
  | {
      readonly type: "flap";
      readonly directions: Directions;
      readonly downUs: number;
      readonly upUs: number;
      readonly durationUs: number;
    }
  /** Messages of one kind are lost. */
  | { readonly type: "filter"; readonly directions: Directions; readonly kind: string; readonly durationUs: number }
  /** What Raft's members say to each other within `durationUs` arrives once more, `afterUs` later. */
  | {
      readonly type: "replay";
      readonly directions: Directions;
      readonly durationUs: number;
      readonly afterUs: number;
    }
  /** All connections of these nodes break at once, and each new one as soon as it stands. */
  | { readonly type: "reconnect-storm"; readonly nodes: readonly number[]; readonly durationUs: number }
  /** The first has forgotten the connection; the second believes in it for `noticeUs`, unless the first dials anew. */
  | { readonly type: "half-open"; readonly between: readonly [number, number]; readonly noticeUs: number };

/** All of them. */
export const LINK_BLOWS: readonly LinkBlow["type"][] = [
  "link-weather",
  "bandwidth",
  "clog",
  "flap",
  "filter",
  "replay",
  "reconnect-storm",
  "half-open",
];

const TYPES: ReadonlySet<string> = new Set(LINK_BLOWS);

export function isLinkBlow<Act extends { readonly type: string }>(act: Act): act is Extract<Act, LinkBlow> {
  return TYPES.has(act.type);
}

/** The same done to other nodes. */
export function mapLinkBlow(blow: LinkBlow, map: (node: number) => number): LinkBlow {
  switch (blow.type) {
    case "reconnect-storm":
      return { ...blow, nodes: blow.nodes.map((node) => map(node)) };
    case "half-open":
      return { ...blow, between: [map(blow.between[0]), map(blow.between[1])] };
    default:
      return { ...blow, directions: blow.directions.map(([from, to]) => [map(from), map(to)] as const) };
  }
}
