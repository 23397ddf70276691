/**
 * What one actor watches, in one of its lives: what makes `terminated` exactly once for each.
 *
 * On this node it is one living actor that is watched, not its name: an actor of the same name that comes after it is
 * another one. On another node it is the name, since that is all that is known from here.
 */
import type { ActorKernel } from "./actor-kernel.ts";
import type { AnyRef, LocalActor } from "./ref.ts";

export class Watches {
  readonly #kernel: ActorKernel;
  readonly #watcher: AnyRef;
  readonly #watched = new Map<LocalActor<never> | string, AnyRef>();

  constructor(kernel: ActorKernel, watcher: AnyRef) {
    this.#kernel = kernel;
    this.#watcher = watcher;
  }

  add(ref: AnyRef): void {
    const watched = this.#kernel.incarnation(ref);
    const key = this.#key(watched);
    if (this.#watched.has(key)) return;
    this.#watched.set(key, watched);
    this.#kernel.watch(watched, this.#watcher);
  }

  remove(ref: AnyRef): void {
    const watched = this.#kernel.incarnation(ref);
    if (this.#watched.delete(this.#key(watched))) this.#kernel.unwatch(watched, this.#watcher);
  }

  /** Whether the end of `ref` is still to be told; once it has been, no more. */
  take(ref: AnyRef): boolean {
    return this.#watched.delete(this.#key(ref));
  }

  removeAll(): void {
    for (const watched of this.#watched.values()) this.#kernel.unwatch(watched, this.#watcher);
    this.#watched.clear();
  }

  #key(ref: AnyRef): LocalActor<never> | string {
    return (ref.node === this.#kernel.node ? ref.target.actor : undefined) ?? ref.toString();
  }
}
