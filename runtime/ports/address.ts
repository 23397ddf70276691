/** An address names an actor anywhere in the cluster; a ref is an address that messages can be sent to. */
/** The node's name and the actor's path in that node's system, for example `raft`. */
export interface Address {
  readonly node: string;
  readonly path: string;
}
