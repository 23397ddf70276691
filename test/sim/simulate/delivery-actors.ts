/** Every node sends to every other one reliably, is in a group, and publishes: what stands on the runtime's public API alone. */
import {
  confirmDelivery,
  DeliveryError,
  joinGroup,
  journalDeliveryStore,
  publish,
  reliableReceiver,
  reliableSender,
  sendReliably,
  serviceKey,
  spawnReceptionist,
  spawnTopics,
  subscribe,
  topic,
  watchGroup,
  type Behavior,
  type Delivery,
  type ReceiverFrame,
  type Ref,
  type ReliableSenderMessage,
  type SendResult,
} from "../../../runtime/index.ts";
import type { SimulatedNode, SimulateOptions } from "../../../sim/index.ts";

interface Parcel {
  readonly from: string;
  readonly number: number;
}

interface News {
  readonly from: string;
  readonly life: number;
  readonly number: number;
}

type InboxMessage =
  | { readonly type: "parcel"; readonly delivery: Delivery<Parcel> }
  | { readonly type: "news"; readonly news: News }
  | { readonly type: "inboxes"; readonly members: readonly string[] };

const inboxes = serviceKey<InboxMessage>("inboxes");
const news = topic<News>("news");

/** What outlives the processes of one node: one atomic write a delivery. */
interface Ledger {
  readonly last: Map<string, number>;
  readonly parcels: string[];
}

export interface DeliveryRun {
  readonly options: Omit<SimulateOptions, "seed">;
  readonly accepted: Set<string>;
  readonly ledgers: Map<string, Ledger>;
}

export function deliveryRun(): DeliveryRun {
  const accepted = new Set<string>();
  const ledgers = new Map<string, Ledger>();
  const groups = new Map<string, readonly string[]>();
  const problems: string[] = [];
  let sent = 0;
  const start = (node: SimulatedNode): void => {
    const ledger = ledgers.get(node.name) ?? { last: new Map(), parcels: [] };
    ledgers.set(node.name, ledger);
    spawnReceptionist(node.system);
    spawnTopics(node.system);
    node.system.spawn(inbox(node, { ledger, groups, problems }), { name: "inbox" });
    for (const other of node.names) {
      if (other === node.name) continue;
      node.system.spawn(outbox(node, other, accepted), { name: `to-${other}` });
    }
  };
  return {
    accepted,
    ledgers,
    options: {
      nodes: 3,
      durationMs: 20_000,
      start,
      // A broken disk: the node is restarted on another one.
      allowCrash: ({ error }) => error instanceof DeliveryError && error.code === "delivery-store-failed",
      load: {
        everyMs: 20,
        act: (run) => {
          const nodes = run.nodes();
          const from = nodes[run.random.integer(Math.max(1, nodes.length))];
          const to = run.names[run.random.integer(run.names.length)];
          if (from === undefined || to === undefined || from.name === to) return;
          const number = ++sent;
          from.system.tell(from.system.refAt<number>({ node: from.name, path: `to-${to}` }), number);
          publish(from.system, news, { from: from.name, life: from.life, number });
        },
      },
      always: { "nothing doubled or out of order": () => problems[0] },
      eventually: {
        "nothing lost": () => {
          const recorded = new Set([...ledgers.values()].flatMap(({ parcels }) => parcels));
          return [...accepted].find((parcel) => !recorded.has(parcel));
        },
        "all inboxes known to all": (run) => {
          const wanted = run.names.map((name) => `blixard://${name}/inbox`).join();
          return run.names.find((name) => groups.get(name)?.join() !== wanted);
        },
      },
    },
  };
}

function inbox(
  node: SimulatedNode,
  { ledger, groups, problems }: { ledger: Ledger; groups: Map<string, readonly string[]>; problems: string[] },
): Behavior<null, InboxMessage> {
  const heard = new Map<string, number>();
  return {
    name: "inbox",
    init: (ctx) => {
      joinGroup(ctx, inboxes, { scope: "cluster" });
      watchGroup(ctx, inboxes, (members) => ({ type: "inboxes", members: members.map(String) }));
      subscribe(ctx, news, (message) => ({ type: "news", news: message }));
      const receiver = reliableReceiver<Parcel>({
        deliver: ctx.callback((delivery: Delivery<Parcel>) => ({ type: "parcel", delivery })),
        memory: { lastConfirmed: (stream) => ledger.last.get(stream) },
        window: 8,
      });
      ctx.spawn(receiver, { name: "parcels" });
      return null;
    },
    receive: (state, message, ctx) => {
      if (message.type === "parcel") {
        const { stream, seq, message: parcel } = message.delivery;
        const last = ledger.last.get(stream) ?? 0;
        if (seq !== last + 1) problems.push(`${node.name}: ${stream} ${seq} after ${last}`);
        ledger.last.set(stream, seq);
        ledger.parcels.push(`${parcel.from} ${parcel.number}`);
        node.mark("delivered");
        if (node.life > 1) node.mark("delivered after a crash");
        confirmDelivery(ctx, message.delivery);
      } else if (message.type === "news") {
        const { from, life, number } = message.news;
        const last = heard.get(`${from} ${life}`) ?? 0;
        if (number <= last) problems.push(`${node.name}: news ${number} of ${from} after ${last}`);
        heard.set(`${from} ${life}`, number);
        if (from !== node.name) node.mark("news");
      } else groups.set(node.name, message.members);
      return state;
    },
  };
}

type OutboxMessage = number | { readonly number: number; readonly taken: boolean };

function outbox(
  node: SimulatedNode,
  other: string,
  accepted: Set<string>,
): Behavior<Ref<ReliableSenderMessage<Parcel>>, OutboxMessage> {
  const { journal } = node.world;
  if (journal === undefined) throw new Error("the simulated world has no journal");
  return {
    name: "outbox",
    init: (ctx) => {
      const to = ctx.refAt<ReceiverFrame<Parcel>>({ node: other, path: "inbox/parcels" });
      return ctx.spawn(
        reliableSender({ to, store: journalDeliveryStore<Parcel>({ journal, stream: `${node.name} to ${other}` }) }),
      );
    },
    receive: (sender, message, ctx) => {
      if (typeof message === "number") {
        ctx.ask<ReliableSenderMessage<Parcel>, SendResult>(sender, {
          make: (replyTo) => sendReliably({ from: node.name, number: message }, replyTo),
          timeoutMs: 60_000,
          adapt: (result) => ({ number: message, taken: result.ok && result.answer.ok }),
        });
      } else if (message.taken) accepted.add(`${node.name} ${message.number}`);
      return sender;
    },
  };
}
