/**
 * The parts of nact 7.6.2 that the kernel stands on. nact publishes types for its functions, not for the classes behind
 * them; these are the members that the kernel uses or overrides, and no others.
 */
declare module "nact/lib/actor.js" {
  export interface NactPath {
    readonly parts: readonly string[];
    createChildPath(name: string): NactPath;
  }

  /** What an actor and a system have in common: they are parents. */
  export interface NactParent {
    readonly path: NactPath;
    readonly reference: unknown;
    readonly children: Map<string, Actor>;
    childSpawned(child: Actor): void;
    childStopped(child: Actor): void;
  }

  export class Actor implements NactParent {
    constructor(parent: NactParent, name: string, system: unknown, receive: () => void);
    readonly name: string;
    get path(): NactPath;
    set path(path: NactPath);
    readonly reference: unknown;
    get children(): Map<string, Actor>;
    set children(children: Map<string, Actor>);
    parent: NactParent;
    state: unknown;
    stopped: boolean;
    childSpawned(child: Actor): void;
    childStopped(child: Actor): void;
    initializeState(): void;
    stop(): void;
  }
}

declare module "nact/lib/system.js" {
  export function start(options: { readonly name: string }): unknown;
}

declare module "nact/lib/system-map.js" {
  import type { NactParent } from "nact/lib/actor.js";
  export function find(name: string): NactParent | undefined;
  export function remove(name: string): void;
}
