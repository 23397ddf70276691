/**
 * What all actors of one system share: where refs lead, dead letters, asks, watches, and the way to other nodes.
 * Internal; users hold an `ActorSystem`, behaviours a `Context`.
 */
import type { Actor, NactParent } from "nact/lib/actor.js";
import type { Behavior } from "./behavior.ts";
import { checkRef } from "./check-behavior.ts";
import { checkSpawn } from "./check-spawn.ts";
import type { AskFailure } from "./ask-result.ts";
import type { SpawnOptions } from "./context.ts";
import type { CoordinatedShutdown } from "./coordinated-shutdown.ts";
import type { DeadLetter, DeadLetterReason } from "./inspection.ts";
import { InspectionHub } from "./inspection-hub.ts";
import { Links } from "./links.ts";
import { PendingAsks } from "./pending-asks.ts";
import type { Address } from "./ports/address.ts";
import type { Pressure } from "./pressure.ts";
import { Ref, type AnyRef, type LocalActor, type Recipient, type TerminationReason } from "./ref.ts";
import { Remote } from "./remote/remote.ts";
import type { Directive } from "./supervision.ts";
import type { World } from "./world.ts";

/** How an ask ends whose message became a dead letter; one that crashed its actor is left to its timeout. */
const ASK_FAILURES: Readonly<Partial<Record<DeadLetterReason, AskFailure>>> = {
  "no-recipient": "no-recipient",
  stopped: "no-recipient",
  "forged-ref": "no-recipient",
  "no-remoting": "node-down",
  "node-down": "node-down",
  "no-credit": "mailbox-full",
  "link-full": "mailbox-full",
  "wrong-type": "wrong-type",
  unsendable: "unsendable",
};

export interface KernelOptions {
  readonly node: string;
  readonly world: World;
  /** nact's system: the root of the tree. */
  readonly root: NactParent;
  /** Makes a cell in nact's tree; given from outside since cells know the kernel. */
  readonly makeCell: MakeCell;
  onCrash(crash: CrashReport): void;
  readonly shutdown: CoordinatedShutdown;
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

/** One crash: who, of what, and what its supervision made of it. */
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
  readonly inspection: InspectionHub;
  readonly asks: PendingAsks;
  readonly remote: Remote;
  readonly links: Links;
  readonly shutdown: CoordinatedShutdown;
  deadLetters = 0;
  readonly #deadLettersBy = new Map<DeadLetterReason, number>();
  readonly #options: KernelOptions;

  constructor(options: KernelOptions) {
    this.node = options.node;
    this.world = options.world;
    this.root = options.root;
    this.inspection = new InspectionHub(options.node);
    this.shutdown = options.shutdown;
    this.#options = options;
    this.asks = new PendingAsks(options.node, options.world, (to, message, sender) => {
      this.deadLetter({ to, sender, message, reason: "no-recipient" });
    });
    this.remote = new Remote({
      node: options.node,
      inspection: this.inspection,
      remoting: options.world.remoting,
      find: (path) => this.#find(path),
      localRef: (path) => this.refAt({ node: options.node, path }),
      deadLetter: (letter) => this.deadLetter(letter),
      notifyTerminated: (watcher, ref, reason) => this.notifyTerminated(watcher, ref, reason),
      failAsk: (path, node, code) => this.asks.fail(path, node, code),
      failAsksTo: (node) => this.asks.failAllTo(node),
    });
    this.links = new Links(options.world.remoting);
    options.world.remoting?.useRefs?.((address) => this.refAt(address));
  }

  /** @throws for what `checkSpawn` refuses. */
  spawn<State, Message>(parent: NactParent, child: Child<State, Message>): Ref<Message> {
    checkSpawn(parent, child.name, child.options);
    return this.#options.makeCell(this, parent, child);
  }

  tell<Message>(to: Ref<Message>, message: Message, sender: AnyRef | null): void {
    try {
      if (to.node === this.node) to.target.receive(message, sender);
      else this.remote.tell(to, message, this.inspection.on ? this.inspection.trace(sender) : sender);
    } catch (error) {
      // Here, where it costs no tell that succeeds.
      checkRef("tell", to);
      throw error;
    }
  }

  refAt<Message>(address: Address): Ref<Message> {
    if (address.node !== this.node) return this.remote.refAt(address);
    const target = this.#find(address.path) as Recipient<Message> | undefined;
    return new Ref<Message>(address, target ?? this.#lookup(address));
  }

  /** Accounts for a message that nobody will handle; an ask that will get no answer ends. */
  deadLetter(letter: DeadLetter): void {
    const { reason, sender } = letter;
    this.deadLetters += 1;
    this.#deadLettersBy.set(reason, (this.#deadLettersBy.get(reason) ?? 0) + 1);
    this.inspection.deadLetter(letter);
    const failure = ASK_FAILURES[reason];
    if (failure !== undefined) this.refuse(sender, failure);
  }

  deadLettersBy(reason: DeadLetterReason): number {
    return this.#deadLettersBy.get(reason) ?? 0;
  }

  /** If `sender` is an ask, it ends with `code`: what it asked will not be answered. */
  refuse(sender: AnyRef | null, code: AskFailure): void {
    if (sender === null) return;
    if (sender.node === this.node) sender.target.refused?.(code);
    else this.remote.refuse(sender, code);
  }

  /** What whoever tells `ref` must wait for; null when it takes messages. */
  pressureOf(ref: AnyRef): Pressure | null {
    if (ref.node !== this.node) return this.remote.pressureOf(ref);
    return this.#actor(ref)?.pressure ?? null;
  }

  watch(ref: AnyRef, watcher: AnyRef): void {
    if (ref.node !== this.node) {
      this.remote.watch(ref, watcher);
      return;
    }
    const actor = this.#actor(ref);
    if (actor !== undefined) actor.addWatcher(watcher);
    else this.notifyTerminated(watcher, ref, "not-found");
  }

  unwatch(ref: AnyRef, watcher: AnyRef): void {
    if (ref.node !== this.node) this.remote.unwatch(ref, watcher);
    else this.#actor(ref)?.removeWatcher(watcher);
  }

  /** Of an actor of this node, the ref that means it and no later one of its name. */
  incarnation(ref: AnyRef): AnyRef {
    return (ref.node === this.node ? this.#actor(ref) : undefined)?.ref ?? ref;
  }

  /** The child of `parent` that `ref` means, not a later one of its name; null when it has ended, undefined for any other. */
  childMeant(parent: NactParent, ref: AnyRef): Actor | null | undefined {
    if (ref.node !== this.node) return undefined;
    const actor: (LocalActor<never> & Partial<Actor>) | undefined = ref.target.actor;
    if (actor === undefined) return this.#childAt(parent, ref.path);
    if (actor.parent !== parent) return undefined;
    return actor.stopped === true ? null : (actor as unknown as Actor);
  }

  notifyTerminated(watcher: AnyRef, ref: AnyRef, reason: TerminationReason): void {
    if (watcher.node !== this.node) {
      this.remote.terminated(watcher, ref.path, reason);
      return;
    }
    this.#actor(watcher)?.terminated(ref, reason);
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
    this.remote.close();
    this.asks.close();
    this.inspection.complete();
  }

  /** The actor of this node that was meant when the ref was made; if there was none, whoever has its name now. */
  #actor(ref: AnyRef): LocalActor<never> | undefined {
    return ref.target.actor ?? this.#find(ref.path)?.actor;
  }

  #childAt(parent: NactParent, path: string): Actor | undefined {
    const child = parent.children.get(path.slice(path.lastIndexOf("/") + 1));
    return child !== undefined && this.#find(path) === (child as unknown) ? child : undefined;
  }

  #find(path: string): Recipient<unknown> | undefined {
    if (path.startsWith("$")) return this.asks.find(path);
    if (!path.includes("/")) return this.root.children.get(path) as LocalActor<unknown> | undefined;
    let at: NactParent | undefined = this.root;
    for (const name of path.split("/")) at = at?.children.get(name);
    return at as LocalActor<unknown> | undefined;
  }

  /** Looks the path up at every message: the actor may come to be later. */
  #lookup<Message>(address: Address): Recipient<Message> {
    const receive = (message: Message, sender: AnyRef | null): void => {
      const found = this.#find(address.path) as Recipient<Message> | undefined;
      if (found !== undefined) found.receive(message, sender);
      else this.deadLetter({ to: new Ref(address, nobody), sender, message, reason: reasonOf(address.path) });
    };
    const nobody: Recipient<Message> = { receive };
    return nobody;
  }
}

/** An ask that is over has no recipient any more; the rest of what begins with a `$` is no actor's. */
function reasonOf(path: string): DeadLetterReason {
  return path.startsWith("$") && !path.startsWith("$ask/") ? "forged-ref" : "no-recipient";
}
