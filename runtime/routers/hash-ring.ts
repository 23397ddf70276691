/**
 * Consistent hashing (Karger et al., 1997, §4): members own arcs of a ring of 32-bit hashes, a key belongs to the member whose
 * point comes next. Each member has `pointsEach` points, so that arcs are about even: with 64 the fullest of ten members has
 * about 1.3 times its share.
 *
 * Minimal movement: a member that comes takes keys, one that goes gives its own away, no other key moves; for the points of
 * a member depend on its name alone. Every node that knows the same members has the same ring.
 */
import { stringHash } from "./string-hash.ts";

/**
 * Most points of a ring: making one of that size takes some 50 ms. With more members than that allows, each gets half as many, or
 * a quarter, and so on down to one; where that halves, keys move that otherwise would not.
 */
const RING_POINTS_MAX = 65_536;

export class HashRing<Member> {
  readonly #hashes: Uint32Array;
  readonly #owners: readonly Member[];

  /** @param nameOf is different for different members, and the same on every node. */
  constructor(members: readonly Member[], nameOf: (member: Member) => string, pointsEach: number) {
    let each = pointsEach;
    while (each > 1 && each * members.length > RING_POINTS_MAX) each = Math.ceil(each / 2);
    const points = members.flatMap((owner) => {
      const name = nameOf(owner);
      return Array.from({ length: each }, (_, i) => ({ hash: stringHash(`${name}#${i}`), name, owner }));
    });
    // Two points of one hash: the name decides, so that the order in which members came does not.
    points.sort((a, b) => a.hash - b.hash || (a.name < b.name ? -1 : 1));
    this.#hashes = Uint32Array.from(points, ({ hash }) => hash);
    this.#owners = points.map(({ owner }) => owner);
  }

  /** Undefined when there are no members. */
  ownerOf(key: string): Member | undefined {
    const hash = stringHash(key);
    let low = 0;
    let high = this.#hashes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#hashes[middle] as number) < hash) low = middle + 1;
      else high = middle;
    }
    return this.#owners[low] ?? this.#owners[0];
  }
}
