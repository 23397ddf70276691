/**
 * An edition: the software that a node runs, as the simulator needs it. Mostly there is one, this; a rolling upgrade has two, each with a
 * kernel, actors, messages and formats of its own, in one process.
 *
 * Nodes of two editions share nothing but what real ones share: bytes on disks, and messages as data. So what a foreign edition sends is
 * copied, and what only its own kernel can read, its refs, becomes what ours reads; anything else that is no plain data is told.
 */
import { ActorSystem, jsonCodec, Ref, type Envelope, type PayloadCodec, type Remoting } from "../../runtime/index.ts";
import { brokenRules, spawnMember, type RaftView } from "../../actors/index.ts";

export interface Edition {
  /** For people: where it comes from. */
  readonly name: string;
  readonly createSystem: typeof ActorSystem.create;
  readonly spawnMember: typeof spawnMember;
  readonly brokenRules: typeof brokenRules;
  /** Of what it writes into logs and snapshots. */
  readonly codec: PayloadCodec;
  /** Whether a value is a ref of its kernel. Null: its kernel is this one. */
  readonly isRef: ((value: unknown) => value is Ref<never>) | null;
  /** Versions of the wire that it speaks. Two editions without one in common do not understand each other. */
  readonly wire: { readonly min: number; readonly max: number };
}

/** This software. */
export const THIS_EDITION: Edition = {
  name: "this software",
  createSystem: (options) => ActorSystem.create(options),
  spawnMember,
  brokenRules,
  codec: jsonCodec,
  isRef: null,
  wire: { min: 0, max: Infinity },
};

/** The remoting port for a system of that edition: what it sends is as data to all others. */
export function remotingFor({ isRef, name }: Edition, remoting: Remoting): Remoting {
  if (isRef === null) return remoting;
  const neutral = ({ from, to, message, ...rest }: Envelope): Envelope => ({
    ...rest,
    from: { node: from.node, path: from.path },
    to: { node: to.node, path: to.path },
    message: asData(message, { isRef, name, path: to.path }),
  });
  return {
    ...remoting,
    send: (envelope) => remoting.send(neutral(envelope)),
  };
}

/** A member of that edition, as the checkers of this one look at it: what an older one cannot tell shortly is asked in full. */
export function raftViewOf({ isRef }: Edition, view: RaftView): RaftView {
  if (isRef === null) return view;
  return {
    status: () => view.status(),
    glance: () => true,
    termAt: (index) => view.termAt(index),
    entries: (from, to) => view.entries(from, to),
  };
}

interface Sender {
  readonly isRef: (value: unknown) => value is Ref<never>;
  readonly name: string;
  /** Whom it is for. */
  readonly path: string;
}

/** Receives nothing: a ref that is on its way is made anew by who gets it. */
const NOBODY = { receive: (): void => {} };

function asData(value: unknown, sender: Sender): unknown {
  if (typeof value === "function" || typeof value === "symbol") throw unreadable(typeof value, sender);
  if (typeof value !== "object" || value === null) return value;
  if (sender.isRef(value)) return new Ref({ node: value.node, path: value.path }, NOBODY);
  if (value instanceof Uint8Array) return value.slice();
  if (Array.isArray(value)) return value.map((item) => asData(item, sender));
  if (value instanceof Set) return new Set([...value].map((item) => asData(item, sender)));
  if (value instanceof Map)
    return new Map([...value].map(([key, item]) => [asData(key, sender), asData(item, sender)]));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw unreadable(value.constructor.name, sender);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asData(item, sender)]));
}

function unreadable(what: string, { name, path }: Sender): TypeError {
  return new TypeError(`${name} tells ${path} a ${what}, which no other version can read`);
}
