/** A router over the members of a group, wherever they run; they come and go by themselves. */
import type { Behavior } from "../behavior.ts";
import type { Context } from "../context.ts";
import { watchGroup } from "../groups/group-functions.ts";
import type { ServiceKey } from "../groups/service-key.ts";
import type { Ref } from "../ref.ts";
import { nobody, Routees } from "./routees.ts";
import { checkRouting, type Routing } from "./routing.ts";

/** Whose members a group router tells, and how it chooses. */
export interface GroupRouterOptions<M> {
  readonly key: ServiceKey<M>;
  /** Default: `round-robin`. */
  readonly routing?: Routing<M>;
  /** Use members of other nodes only while this node has none. Default: false. */
  readonly preferLocal?: boolean;
}

/** Messages that wait for the first list of members, which takes a moment. Those past it are dead letters. */
const WAITING_MAX = 1000;

/**
 * A behaviour that spreads messages over the members of a group. It needs the node's receptionist.
 *
 * It goes by the lists it gets: a message may reach a member that has just stopped, or go to a node whose loss is not noticed yet,
 * and is then lost, as any message may be. While the group is empty, messages are dead letters. It forwards (`ctx.forward`): whoever is
 * to be answered stands in the message, and an ask whose member is gone ends at once, unless all members are told.
 *
 * @throws RangeError for a routing that is none.
 */
export function groupRouter<M>(options: GroupRouterOptions<M>): Behavior<GroupRouter<M>, M | GroupList<M>> {
  checkRouting("a group router", options.routing);
  return {
    name: "group-router",
    accepts: (message): message is M | GroupList<M> => !(message instanceof GroupList),
    init: (ctx) => new GroupRouter(options, ctx),
    receive: (router, message, ctx) => {
      if (message instanceof GroupList) router.use(message.members, ctx);
      else router.route(message, ctx);
      return router;
    },
  };
}

/** What the router tells itself: who is in the group now. A class, so that it is no message of `M`. */
export class GroupList<M> {
  readonly members: readonly Ref<M>[];

  /** @internal */
  constructor(members: readonly Ref<M>[]) {
    this.members = members;
  }
}

/** The state of a group router; opaque. */
export class GroupRouter<M> {
  readonly #routees: Routees<M>;
  readonly #preferLocal: boolean;
  /** What came before the first list; null from then on. */
  #waiting: M[] | null = [];

  /** @internal */
  constructor(options: GroupRouterOptions<M>, ctx: Context<M | GroupList<M>>) {
    this.#routees = new Routees(options.routing ?? "round-robin", ctx);
    this.#preferLocal = options.preferLocal ?? false;
    watchGroup(ctx, options.key, (members: readonly Ref<M>[]) => new GroupList(members));
  }

  /** @internal */
  use(members: readonly Ref<M>[], ctx: Context<M | GroupList<M>>): void {
    const local = this.#preferLocal ? members.filter(({ node }) => node === ctx.node) : [];
    this.#routees.use(local.length > 0 ? local : members);
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const message of waiting) this.#routees.route(message, ctx);
  }

  /** @internal */
  route(message: M, ctx: Context<M | GroupList<M>>): void {
    if (this.#waiting === null) this.#routees.route(message, ctx);
    else if (this.#waiting.length < WAITING_MAX) this.#waiting.push(message);
    else ctx.forward(nobody(ctx), message);
  }
}
