/**
 * nact's `Actor` without what this kernel has no use for.
 *
 * nact's constructor gives each actor two Maps, a Denque, a path with all its parts, a reference and nine fields of its own
 * engine: over 900 bytes, most of them for actors that never have a child and are never named. Here the tree is nact's
 * (parent, names, `childSpawned`, `childStopped`), what it is made of is made when it is first needed, and what only nact's
 * engine uses is dropped as it is assigned.
 */
import { Actor, type NactParent, type NactPath } from "nact/lib/actor.js";

/** Shared by all actors without children, so nothing may ever get into it. */
class NoChildren extends Map<string, Actor> {
  override set(name: string): never {
    throw new Error(`Cannot add child "${name}" to what is only to be read`);
  }
}

const NO_CHILDREN = new NoChildren();

/** What nact's constructor takes for the parent, so that it makes no path; replaced at once. */
const NURSERY: NactParent = {
  path: { parts: [], createChildPath: () => NURSERY.path },
  reference: undefined,
  children: NO_CHILDREN,
  childSpawned: nothing,
  childStopped: nothing,
};

export class LeanActor extends Actor {
  #children: Map<string, Actor> | null = null;

  constructor(parent: NactParent, name: string) {
    super(NURSERY, name, undefined, nothing);
    this.parent = parent;
    parent.childSpawned(this);
  }

  /** Only to be read. */
  override get children(): Map<string, Actor> {
    return this.#children ?? NO_CHILDREN;
  }

  override set children(_) {}

  override get path(): NactPath {
    return this.parent.path.createChildPath(this.name);
  }

  override set path(_) {}

  override childSpawned(child: Actor): void {
    this.#children ??= new Map();
    this.#children.set(child.name, child);
  }

  override childStopped(child: Actor): void {
    this.#children?.delete(child.name);
  }

  /** Called by nact's constructor; the state is made by the subclass. */
  override initializeState(): void {}
}

/**
 * Fields of nact's engine: assigned in its constructor, read by nothing that is left of it but the first two.
 * On the prototype an accessor without effect takes the assignment, so that no actor has the field.
 */
const ENGINE_FIELDS: Readonly<Record<string, unknown>> = {
  system: { name: "", createLogger: nothing },
  setTimeout: nothing,
  reference: undefined,
  log: undefined,
  f: undefined,
  childReferences: undefined,
  busy: undefined,
  mailbox: undefined,
  immediate: undefined,
  afterStop: undefined,
  onCrash: undefined,
  initialState: undefined,
  initialStateFunc: undefined,
};

for (const [field, value] of Object.entries(ENGINE_FIELDS)) {
  Object.defineProperty(LeanActor.prototype, field, { get: () => value, set: nothing });
}

function nothing(): void {}
