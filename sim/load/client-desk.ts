/** Asks through the clients of nodes: each question is answered once, with a reply or, when nobody will tell any more, with null. */
import type { Command, ProposeReply, Query, ReadReply } from "../../actors/index.ts";
import type { Ref } from "../../runtime/index.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import type { ClientMessage } from "./client-actor.ts";

interface Open {
  readonly node: number;
  /** Nobody answers: the process is gone. */
  abandon(): void;
}

export class ClientDesk {
  /** Questions so far. */
  sent = 0;
  readonly #cluster: Cluster;
  readonly #clients = new Map<number, Ref<ClientMessage>>();
  readonly #open = new Set<Open>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  add(node: number, client: Ref<ClientMessage>): void {
    this.#clients.set(node, client);
  }

  onEnd(node: SimNode): void {
    this.#clients.delete(node.index);
    for (const open of [...this.#open]) if (open.node === node.index) open.abandon();
  }

  /** False when that node's process does not run; then nothing was asked. */
  write(node: SimNode, command: Command, done: (reply: ProposeReply | null) => void): boolean {
    return this.#ask<ProposeReply>(node, done, (answer) => ({ type: "write", command, done: answer }));
  }

  read(node: SimNode, query: Query, done: (reply: ReadReply | null) => void): boolean {
    return this.#ask<ReadReply>(node, done, (answer) => ({ type: "read", query, done: answer }));
  }

  #ask<Reply>(
    node: SimNode,
    done: (reply: Reply | null) => void,
    make: (answer: (reply: Reply | null) => void) => ClientMessage,
  ): boolean {
    const { process } = node;
    const client = this.#clients.get(node.index);
    if (process === null || client === undefined) return false;
    this.sent += 1;
    const finish = (reply: Reply | null): void => {
      if (this.#open.delete(open)) done(reply);
    };
    const open: Open = { node: node.index, abandon: () => finish(null) };
    this.#open.add(open);
    const message = make(finish);
    this.#cluster.timeline.note(`user asks ${node.index} ${describe(message)}`);
    process.life.enter(() => process.system.tell(client, message));
    return true;
  }
}

function describe(message: ClientMessage): string {
  if (message.type === "write")
    return `${message.command.type} ${"name" in message.command ? message.command.name : ""}`;
  return message.type === "read" ? `read ${message.query.name ?? message.query.kind}` : message.type;
}
