/**
 * What nodes say to each other about which cluster they belong to, before and beside consensus. Messages may be lost,
 * repeated and late; an answer names the one who asked, with its incarnation, so that none is taken for an answer to a former self.
 */

/** What nodes say to each other about which cluster they belong to. */
export type FormationMessage =
  /** I belong to no cluster, and my disk is mine alone: to which one do you? */
  | {
      readonly type: "hello";
      /** The sender's id, durable on its disk. */
      readonly from: string;
      /** Names of the nodes of which the sender's cluster is to be made, sorted. */
      readonly voters: readonly string[];
    }
  /** Answers a hello; also told unasked to those of whom a cluster was just formed. */
  | {
      readonly type: "hello-answer";
      readonly from: string;
      /** The id of the one who asked. */
      readonly to: string;
      readonly voters: readonly string[];
      /** Null: to none. */
      readonly belongs: Belonging | null;
    };

/** To which cluster a node belongs, and who else does. */
export interface Belonging {
  readonly cluster: string;
  /** In force at the sender, committed or not; as in an entry of the log. */
  readonly configuration: Uint8Array;
  /** The configuration at index 1, with which the cluster was formed; null once it is compacted away, or not here yet. */
  readonly birth: Uint8Array | null;
}
