/**
 * What a kernel has to do with other nodes: refs to them, messages there and back, watches, credit, failed asks.
 *
 *     tell ──▶ Channel ── credit? ──▶ Remoting ~~~~▶ known path? ──▶ accepts? ──▶ mailbox ──▶ Inlet counts
 *                 │ no: waits, its sender muted         └───── no ───────┴─────▶ dead letter ──▶ ask-failed
 *                 └ no link: dead letter
 *
 * Nothing that another node says reaches an actor under a name that is not its own: the driver vouches for the node, and a
 * path with a `$` is no actor's. Paths with a `$` need no credit: kernels bound what they say, and an answer was asked for.
 */
import type { AskFailure } from "../ask-result.ts";
import type { DeadLetter, DeadLetterReason } from "../inspection.ts";
import type { InspectionHub } from "../inspection-hub.ts";
import type { Address } from "../ports/address.ts";
import { KERNEL_PATH, type Envelope, type EnvelopeDrop, type LinkEvent, type Remoting } from "../ports/remoting.ts";
import type { Pressure } from "../pressure.ts";
import { Ref, type AnyRef, type LocalActor, type Recipient, type TerminationReason } from "../ref.ts";
import { Channel, type ChannelOwner } from "./channel.ts";
import { dropLetter } from "./drop-letter.ts";
import type { InletOwner } from "./inlet.ts";
import { parseKernelMessage, type KernelMessage } from "./kernel-message.ts";
import { Peer } from "./peer.ts";
import { RemoteWatch } from "./remote-watch.ts";

/** The first part of the path of every ask's ref. */
const ASK_PREFIX = "$ask/";

/** The kernel, seen from here. */
export interface RemoteOptions {
  readonly node: string;
  readonly remoting: Remoting | undefined;
  readonly inspection: InspectionHub;
  /** What is at a path of this node, actor or ask. */
  find(path: string): Recipient<unknown> | undefined;
  /** A ref to a path of this node. */
  localRef(path: string): AnyRef;
  deadLetter(letter: DeadLetter): void;
  notifyTerminated(watcher: AnyRef, ref: AnyRef, reason: TerminationReason): void;
  /** The ask of that path was sent to that node, and will get no answer. */
  failAsk(path: string, node: string, code: AskFailure): void;
  /** Every ask that was sent to that node ends with `node-down`. */
  failAsksTo(node: string): void;
}

export class Remote implements ChannelOwner, InletOwner {
  readonly #options: RemoteOptions;
  readonly #remoting: Remoting | undefined;
  readonly #watch: RemoteWatch;
  /** The nodes that this one is linked to. */
  readonly #peers = new Map<string, Peer>();
  readonly #kernel: Address;
  #links = 0;
  #closed = false;

  constructor(options: RemoteOptions) {
    this.#options = options;
    this.#remoting = options.remoting;
    this.#kernel = kernelOf(options.node);
    this.#watch = new RemoteWatch({
      say: (node, message) => this.say(kernelOf(node), message),
      notify: (watcher, ref, reason) => options.notifyTerminated(watcher, ref, reason),
      watchLocal: (path, watcher) => this.#watchLocal(path, watcher),
      unwatchLocal: (path, watcher) => options.find(path)?.actor?.removeWatcher(this.refAt(watcher)),
    });
    // Links first: a driver whose links are up already says so now, and may deliver as soon as there is a receiver.
    this.#remoting?.onLink((event) => this.#onLink(event));
    this.#remoting?.onDropped?.((drop) => this.#onDropped(drop));
    this.#remoting?.onEnvelope((envelope) => this.#deliver(envelope));
  }

  tell(to: AnyRef, message: unknown, sender: AnyRef | null): void {
    // In the simulator a ref may be an object of another node, whose target is of that node's kernel.
    const { target } = to;
    if (target instanceof Channel && target.owner === this) target.receive(message, sender);
    else this.#targetAt(to).receive(message, sender);
  }

  /** A ref to another node. */
  refAt(address: Address): Ref<unknown> {
    const target = this.#targetAt(address);
    return target instanceof Channel ? target.ref : new Ref<unknown>(address, target);
  }

  /** What whoever tells `ref` must wait for; null when it takes messages. */
  pressureOf(ref: AnyRef): Pressure | null {
    return this.#peers.get(ref.node)?.find(ref.path)?.pressure ?? null;
  }

  watch(ref: AnyRef, watcher: AnyRef): void {
    if (ref.path.startsWith("$")) this.#options.notifyTerminated(watcher, ref, "not-found");
    else this.#watch.watch(ref, watcher);
  }

  unwatch(ref: AnyRef, watcher: AnyRef): void {
    this.#watch.unwatch(ref, watcher);
  }

  /** An actor here that one of another node watches has ended. */
  terminated(watcher: AnyRef, path: string, reason: TerminationReason): void {
    this.#watch.tell(watcher, path, reason);
  }

  /** If `sender` is an ask of another node, it ends there with `code`. */
  refuse(sender: AnyRef, code: AskFailure): void {
    if (!sender.path.startsWith(ASK_PREFIX)) return;
    this.say(kernelOf(sender.node), { type: "ask-failed", path: sender.path, code });
  }

  transmit(to: AnyRef, message: unknown, sender: AnyRef | null): void {
    sender?.target.sentTo?.(to.node);
    const { node, inspection } = this.#options;
    const envelope: Envelope = { from: { node, path: sender?.path ?? "" }, to, message };
    this.#remoting?.send(inspection.on ? inspection.withCause(envelope, sender) : envelope);
  }

  say(to: Address, message: KernelMessage): void {
    if (this.#peers.get(to.node)?.hearsKernels === true) this.#remoting?.send({ from: this.#kernel, to, message });
  }

  grant(node: string, path: string, limit: number | null): void {
    this.say(kernelOf(node), { type: "credit", path, limit });
  }

  revive(channel: Channel, message: unknown, sender: AnyRef | null): void {
    const { node, path } = channel.ref;
    const peer = this.#peers.get(node);
    if (peer === undefined) this.undeliverable(channel.ref, message, sender, this.#unlinked);
    else (peer.find(path) ?? peer.adopt(channel)).receive(message, sender);
  }

  undeliverable(to: AnyRef, message: unknown, sender: AnyRef | null, reason: DeadLetterReason): void {
    this.#options.deadLetter({ to, sender, message, reason });
  }

  /** The system has stopped: what still arrives is dropped, and who must not wait for it is told. */
  close(): void {
    this.#closed = true;
  }

  epochOf(node: string): number | undefined {
    return this.#peers.get(node)?.epoch;
  }

  get #unlinked(): DeadLetterReason {
    return this.#remoting === undefined ? "no-remoting" : "node-down";
  }

  #targetAt(address: Address): Recipient<unknown> {
    if (address.path.startsWith("$")) return this.#specialAt(address);
    return this.#peers.get(address.node)?.channel(address.path) ?? new Channel(this, address);
  }

  /** An ask of another node takes its answer without credit; every other path with a `$` is the kernel's own. */
  #specialAt(address: Address): Recipient<unknown> {
    const receive = (message: unknown, sender: AnyRef | null): void => {
      const to = new Ref<unknown>(address, recipient);
      if (!address.path.startsWith(ASK_PREFIX)) this.undeliverable(to, message, sender, "forged-ref");
      else if (!this.#peers.has(address.node)) this.undeliverable(to, message, sender, this.#unlinked);
      else this.transmit(to, message, sender);
    };
    const recipient: Recipient<unknown> = { receive };
    return recipient;
  }

  #deliver(envelope: Envelope): void {
    if (this.#closed) {
      this.#answerClosed(envelope);
      return;
    }
    const { from, to, message } = envelope;
    if (from.path === KERNEL_PATH || to.path === KERNEL_PATH) {
      this.#hear(envelope);
      return;
    }
    const sender = this.refAt(from);
    const { inspection } = this.#options;
    if (inspection.on) inspection.current = envelope.cause ?? 0;
    const recipient = this.#options.find(to.path);
    if (recipient === undefined) this.undeliverable(this.#options.localRef(to.path), message, sender, "no-recipient");
    else if (recipient.actor === undefined) recipient.receive(message, sender);
    else this.#deliverTo(recipient.actor, { message, sender, to });
    if (inspection.on) inspection.current = 0;
  }

  /** The link may outlast the system: who asks, watches, or waits for credit there hears that nobody is left. */
  #answerClosed(envelope: Envelope): void {
    const { from, to } = envelope;
    const message = parseKernelMessage(envelope);
    if (message?.type === "report") this.grant(from.node, to.path, null);
    else if (message?.type === "watch") {
      this.say(kernelOf(from.node), { type: "terminated", id: message.id, reason: "not-found" });
    } else if (from.path.startsWith(ASK_PREFIX)) {
      this.say(kernelOf(from.node), { type: "ask-failed", path: from.path, code: "no-recipient" });
    }
  }

  #deliverTo(
    actor: LocalActor<unknown>,
    { message, sender, to }: { readonly message: unknown; readonly sender: AnyRef; readonly to: Address },
  ): void {
    // Also one that is not accepted has a number.
    actor.inlet?.arrived(sender.node);
    if (actor.accepts(message)) {
      actor.receive(message, sender);
      return;
    }
    actor.inlet?.handled(sender.node);
    this.undeliverable(this.#options.localRef(to.path), message, sender, "wrong-type");
  }

  /** What another kernel says. */
  #hear(envelope: Envelope): void {
    const { from, to } = envelope;
    const message = parseKernelMessage(envelope);
    const peer = this.#peers.get(from.node);
    if (message === undefined || peer === undefined) {
      const reason = message === undefined ? "malformed" : "node-down";
      this.undeliverable(this.#options.localRef(to.path), envelope.message, this.refAt(from), reason);
      return;
    }
    switch (message.type) {
      case "watch":
        this.#watch.watched(from.node, message);
        return;
      case "unwatch":
        this.#watch.unwatched(from.node, message.path, message.watcher);
        return;
      case "terminated":
        this.#watch.terminated(from.node, message.id, message.reason);
        return;
      case "report":
        this.#reported(from.node, to.path, message.sent);
        return;
      case "credit":
        peer.find(message.path)?.credit(message.limit);
        return;
      case "ask-failed":
        this.#options.failAsk(message.path, from.node, message.code);
        return;
      default:
        message satisfies never;
    }
  }

  #reported(node: string, path: string, sent: number): void {
    const inlet = this.#options.find(path)?.actor?.inlet;
    // Nobody there, or nobody who presses back: there is nothing to protect.
    if (inlet === undefined || inlet === null) this.grant(node, path, null);
    else inlet.reported(node, sent);
  }

  #watchLocal(path: string, watcher: Address): void {
    const actor = this.#options.find(path)?.actor;
    const ref = this.refAt(watcher);
    if (actor !== undefined) actor.addWatcher(ref);
    else this.#watch.tell(ref, path, "not-found");
  }

  #onDropped(drop: EnvelopeDrop): void {
    const letter = dropLetter(drop);
    if (letter === undefined) return;
    const { from, to, message } = drop.envelope;
    const here = this.#options.node;
    const refOf = (address: Address): AnyRef =>
      address.node === here ? this.#options.localRef(address.path) : this.refAt(address);
    this.#options.deadLetter({ to: refOf(to), sender: from.path === "" ? null : refOf(from), message, ...letter });
  }

  #onLink({ type, node, hearsKernels = true }: LinkEvent): void {
    // A link that comes up in place of another one has lost what was on its way, as one that went down before.
    this.#onLinkLost(node);
    if (type === "down") return;
    this.#peers.set(node, new Peer(node, { owner: this, epoch: ++this.#links, hearsKernels }));
    this.#watch.linkUp(node);
  }

  #onLinkLost(node: string): void {
    const peer = this.#peers.get(node);
    if (peer === undefined) return;
    this.#peers.delete(node);
    peer.close("node-down");
    this.#options.failAsksTo(node);
    this.#watch.linkLost(node);
  }
}

function kernelOf(node: string): Address {
  return { node, path: KERNEL_PATH };
}
