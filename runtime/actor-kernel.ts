/**
 * What all actors of one system share: where refs lead, dead letters, asks, watches, and the way to other nodes.
 * Internal; users hold an `ActorSystem`, behaviours a `Context`.
 */
import type { NactParent } from "nact/lib/actor.js";
import type { Behavior } from "./behavior.ts";
import type { AskFailure, SpawnOptions } from "./context.ts";
import type { DeadLetter, DeadLetterReason } from "./inspection.ts";
import { InspectionHub } from "./inspection-hub.ts";
import { Links } from "./links.ts";
import { PendingAsks } from "./pending-asks.ts";
import type { Address } from "./ports/address.ts";
import type { Envelope } from "./ports/remoting.ts";
import type { Pressure } from "./pressure.ts";
import { Ref, type AnyRef, type LocalActor, type Recipient, type TerminationReason } from "./ref.ts";
import { RemoteWatch } from "./remote-watch.ts";
import type { Directive } from "./supervision.ts";
import { parseWatchMessage, WATCH_PATH } from "./watch-message.ts";
import type { World } from "./world.ts";

const ACTOR_NAME = /^[A-Za-z0-9_.-]{1,128}$/;

export interface KernelOptions {
  readonly node: string;
  readonly world: World;
  /** nact's system: the root of the tree. */
  readonly root: NactParent;
  /** Makes a cell in nact's tree; given from outside since cells know the kernel. */
  readonly makeCell: MakeCell;
  onCrash(crash: CrashReport): void;
  /** An error escalated past the top level. */
  onFailure(ref: AnyRef, error: unknown): void;
}

export type MakeCell = <State, Message>(
  kernel: ActorKernel,
  parent: NactParent,
  child: Child<State, Message>,
) => Ref<Message>;

export interface Child<State, Message> {
  readonly behavior: Behavior<State, Message>;
  readonly name: string;
  readonly options: SpawnOptions;
}

export interface CrashReport {
  readonly ref: AnyRef;
  readonly behavior: string;
  readonly error: unknown;
  readonly directive: Directive;
}

export class ActorKernel {
  readonly node: string;
  readonly world: World;
  readonly root: NactParent;
  readonly inspection: InspectionHub = new InspectionHub();
  readonly asks: PendingAsks;
  readonly links: Links;
  deadLetters = 0;
  readonly #deadLettersBy = new Map<DeadLetterReason, number>();
  readonly #options: KernelOptions;
  readonly #remoteWatch: RemoteWatch;
  #stopped = false;

  constructor(options: KernelOptions) {
    this.node = options.node;
    this.world = options.world;
    this.root = options.root;
    this.#options = options;
    this.asks = new PendingAsks(options.node, options.world, (to, message, sender) => {
      this.deadLetter({ to, sender, message, reason: "no-recipient" });
    });
    this.#remoteWatch = new RemoteWatch({
      node: options.node,
      remoting: options.world.remoting,
      notify: (watcher, ref, reason) => this.notifyTerminated(watcher, ref, reason),
      forget: (path, watcher) => this.#find(path)?.actor?.removeWatcher(this.refAt(watcher)),
    });
    this.links = new Links(options.world.remoting);
    options.world.remoting?.useRefs?.((address) => this.refAt(address));
    options.world.remoting?.onEnvelope((envelope) => this.#deliver(envelope));
  }

  /** @throws when the name is taken or malformed. */
  spawn<State, Message>(parent: NactParent, child: Child<State, Message>): Ref<Message> {
    if (!ACTOR_NAME.test(child.name)) {
      throw new Error(`Cannot spawn "${child.name}": a name is letters, digits, "-", "_" and "."`);
    }
    if (parent.children.has(child.name)) {
      throw new Error(`Cannot spawn "${child.name}" below "${parent.path.parts.join("/")}": the name is taken`);
    }
    return this.#options.makeCell(this, parent, child);
  }

  tell<Message>(to: Ref<Message>, message: Message, sender: AnyRef | null): void {
    if (to.node === this.node) to.target.receive(message, sender);
    else this.#send(to, message, sender);
  }

  refAt<Message>(address: Address): Ref<Message> {
    const target = address.node === this.node ? this.#find(address.path) : undefined;
    return new Ref<Message>(address, (target as Recipient<Message> | undefined) ?? this.#lookup(address));
  }

  /** Accounts for a message that nobody will handle; an ask that will get no answer ends. */
  deadLetter(letter: DeadLetter): void {
    const { reason, sender } = letter;
    this.deadLetters += 1;
    this.#deadLettersBy.set(reason, (this.#deadLettersBy.get(reason) ?? 0) + 1);
    this.inspection.deadLetter(sender?.target.asker === undefined ? letter : { ...letter, sender: sender.target.asker });
    if (reason === "no-recipient" || reason === "stopped") this.refuse(sender, "no-recipient");
  }

  deadLettersBy(reason: DeadLetterReason): number {
    return this.#deadLettersBy.get(reason) ?? 0;
  }

  /** If `sender` is an ask, it ends with `code`: what it asked will not be answered. */
  refuse(sender: AnyRef | null, code: AskFailure): void {
    if (sender?.node === this.node) sender.target.refused?.(code);
  }

  /** What whoever tells `ref` must wait for; null when it takes messages. */
  pressureOf(ref: AnyRef): Pressure | null {
    if (ref.node !== this.node) return null;
    return (ref.target.actor ?? this.#find(ref.path)?.actor)?.pressure ?? null;
  }

  watch(ref: AnyRef, watcher: AnyRef): void {
    if (ref.node !== this.node) {
      this.#remoteWatch.watch(ref, watcher);
      return;
    }
    const actor = this.#find(ref.path)?.actor ?? ref.target.actor;
    if (actor !== undefined) actor.addWatcher(watcher);
    else this.notifyTerminated(watcher, ref, "not-found");
  }

  unwatch(ref: AnyRef, watcher: AnyRef): void {
    if (ref.node !== this.node) this.#remoteWatch.unwatch(ref, watcher);
    else this.#find(ref.path)?.actor?.removeWatcher(watcher);
  }

  notifyTerminated(watcher: AnyRef, ref: AnyRef, reason: TerminationReason): void {
    if (watcher.node !== this.node) {
      this.#remoteWatch.tell(watcher, ref.path, reason);
      return;
    }
    const actor = watcher.target.actor ?? this.#find(watcher.path)?.actor;
    actor?.terminated(ref, reason);
  }

  crashed(ref: AnyRef, behavior: string, error: unknown, directive: Directive): void {
    this.inspection.crashed(ref, error, directive);
    this.#options.onCrash({ ref, behavior, error, directive });
  }

  failed(ref: AnyRef, error: unknown): void {
    this.#options.onFailure(ref, error);
  }

  /** Cuts the system off: what still arrives is dropped. */
  close(): void {
    this.#stopped = true;
    this.asks.close();
    this.inspection.complete();
  }

  #send(to: Address, message: unknown, sender: AnyRef | null): void {
    const { remoting } = this.world;
    if (remoting === undefined) {
      this.deadLetter({ to: this.refAt(to), sender, message, reason: "no-remoting" });
      return;
    }
    const from = { node: this.node, path: sender?.path ?? "" };
    remoting.send({ from, to: { node: to.node, path: to.path }, message });
  }

  #deliver(envelope: Envelope): void {
    if (this.#stopped) return;
    if (envelope.to.path === WATCH_PATH) {
      this.#onWatchMessage(envelope);
      return;
    }
    const to = this.refAt<unknown>(envelope.to);
    to.target.receive(envelope.message, this.refAt(envelope.from));
  }

  #onWatchMessage({ from, to, message: received }: Envelope): void {
    const message = parseWatchMessage(received, { from: from.node, to: this.node });
    if (message === undefined) {
      this.deadLetter({ to: this.refAt(to), sender: this.refAt(from), message: received, reason: "malformed" });
      return;
    }
    const ref = this.refAt({ node: this.node, path: message.path });
    switch (message.type) {
      case "watch":
        this.#remoteWatch.watched(message);
        this.watch(ref, this.refAt(message.watcher));
        return;
      case "unwatch":
        this.#remoteWatch.unwatched(message);
        return;
      case "terminated":
        this.#remoteWatch.terminated(from.node, message);
        return;
      default:
        message satisfies never;
    }
  }

  #find(path: string): Recipient<unknown> | undefined {
    if (path.startsWith("$")) return this.asks.find(path);
    let at: NactParent | undefined = this.root;
    for (const name of path.split("/")) at = at?.children.get(name);
    return at as LocalActor<unknown> | undefined;
  }

  /** Looks the address up at every message: the actor may come to be later. */
  #lookup<Message>(address: Address): Recipient<Message> {
    return {
      receive: (message, sender) => {
        if (address.node !== this.node) {
          this.#send(address, message, sender);
          return;
        }
        const found = this.#find(address.path) as Recipient<Message> | undefined;
        if (found !== undefined) found.receive(message, sender);
        else this.deadLetter({ to: new Ref(address, this.#lookup(address)), sender, message, reason: "no-recipient" });
      },
    };
  }
}
