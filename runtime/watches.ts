/**
 * What one actor watches, in one of its lives: what makes `terminated` exactly once for each.
 *
 * On this node it is one living actor that is watched, not its name: an actor of the same name that comes after it is
 * another one. On another node it is the name, since that is all that is known from here; its ref is then made anew for
 * each watch, so that a signal of an earlier watch on that name, which still waits, is not taken for one of the present.
 */
import type { ActorKernel } from "./actor-kernel.ts";
import { Ref, type AnyRef, type LocalActor } from "./ref.ts";

export class Watches {
  readonly #kernel: ActorKernel;
  readonly #watcher: AnyRef;
  readonly #watched = new Map<LocalActor<never> | string, AnyRef>();

  constructor(kernel: ActorKernel, watcher: AnyRef) {
    this.#kernel = kernel;
    this.#watcher = watcher;
  }

  add(ref: AnyRef): void {
    const meant = this.#kernel.incarnation(ref);
    const key = this.#key(meant);
    if (this.#watched.has(key)) return;
    const watched = typeof key === "string" ? new Ref(meant, meant.target) : meant;
    this.#watched.set(key, watched);
    this.#kernel.watch(watched, this.#watcher);
  }

  remove(ref: AnyRef): void {
    const key = this.#key(this.#kernel.incarnation(ref));
    const watched = this.#watched.get(key);
    if (watched === undefined) return;
    this.#watched.delete(key);
    this.#kernel.unwatch(watched, this.#watcher);
  }

  /** Whether the end of `ref` is still to be told; once it has been, no more. */
  take(ref: AnyRef): boolean {
    const key = this.#key(ref);
    return this.#watched.get(key) === ref && this.#watched.delete(key);
  }

  removeAll(): void {
    for (const watched of this.#watched.values()) this.#kernel.unwatch(watched, this.#watcher);
    this.#watched.clear();
  }

  #key(ref: AnyRef): LocalActor<never> | string {
    return (ref.node === this.#kernel.node ? ref.target.actor : undefined) ?? ref.toString();
  }
}
