/**
 * Who dials: of two nodes the one whose name sorts first, by UTF-16 units. The other only accepts.
 *
 * With both dialing, a pair would at times hold two connections and had to agree which one survives, while messages are
 * already on both. One dialer cannot race itself; its newest connection replaces the older one at the acceptor. The price:
 * a network that lets only the later-named node open connections does not work.
 */
export function dialerOf(one: string, other: string): string {
  return one < other ? one : other;
}
