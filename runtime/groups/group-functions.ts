/** What an actor does with groups: functions over its context, each one message to the receptionist of its node. */
import type { AskResult } from "../ask-result.ts";
import type { Context } from "../context.ts";
import type { Ref } from "../ref.ts";
import type { GroupScope, Listing, Members, ReceptionistMessage } from "./receptionist-message.ts";
import { RECEPTIONIST_PATH } from "./receptionist.ts";
import type { ServiceKey } from "./service-key.ts";

/** How an actor joins a group. */
export interface JoinOptions<Own> {
  /** Who sees this member: actors of its node, or of every linked node. Default: `local`. */
  readonly scope?: GroupScope;
  /**
   * Told when the group cannot be joined: the node has 10,000 memberships of scope `cluster`, or 100,000 of scope `local`.
   * Default: the attempt is a dead letter.
   */
  refused?(code: "too-many-members"): Own;
}

/**
 * Makes this actor a member of the group, from a moment later on and until it leaves or stops; a restart does not end it.
 * Joining again changes the scope.
 */
export function joinGroup<Own, M extends Own, const Refused extends Own = Own>(
  ctx: Context<Own>,
  key: ServiceKey<M>,
  options: JoinOptions<Refused> = {},
): void {
  const member: Ref<M> = ctx.self;
  const refuse = options.refused?.bind(options);
  const refused =
    refuse === undefined
      ? () => ctx.tell(ctx.refAt({ node: ctx.node, path: `${RECEPTIONIST_PATH}/refused` }), key.id)
      : ctx.callback(() => refuse("too-many-members"));
  tell(ctx, { type: "join", key: key.id, member, scope: options.scope ?? "local", refused: () => refused(null) });
}

/** Ends this actor's membership. Does nothing when it is no member. */
export function leaveGroup<Own, M extends Own>(ctx: Context<Own>, key: ServiceKey<M>): void {
  tell(ctx, { type: "leave", key: key.id, member: ctx.self });
}

/**
 * Tells this actor who is in the group: at once, then after every change, until it stops, restarts or calls `unwatchGroup`.
 * Lists are whole and sorted by node and path. An actor that is slow gets fewer lists, the newest ones.
 *
 * A list is what the node knows: a member may be gone, or not be in it yet. Watching the same group again replaces `adapt`.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as `Own`, literals in what `adapt` gives would widen
export function watchGroup<Own, M, const Adapted extends Own = Own>(
  ctx: Context<Own>,
  key: ServiceKey<M>,
  adapt: (members: readonly Ref<M>[]) => Adapted,
): void {
  const deliver = ctx.callback<Listing>((listing) => {
    listing.pending = false;
    return adapt(listing.members as readonly Ref<M>[]);
  });
  const listing: Listing = { members: [], pending: false, deliver };
  tell(ctx, { type: "watch", key: key.id, watcher: ctx.self, listing });
}

/** Ends `watchGroup`; a list that is on its way still comes. */
export function unwatchGroup<Own, M>(ctx: Context<Own>, key: ServiceKey<M>): void {
  tell(ctx, { type: "unwatch", key: key.id, watcher: ctx.self });
}

/** A question for the members of a group, and how the answer becomes a message. */
export interface FindRequest<Own, M> {
  /** Default: 1,000 ms; it takes so long only when the node has no receptionist. */
  readonly timeoutMs?: number;
  adapt(result: AskResult<readonly Ref<M>[]>): Own;
}

/** Asks once who is in the group. An empty list is an answer. */
export function findGroup<Own, M, const Adapted extends Own = Own>(
  ctx: Context<Own>,
  key: ServiceKey<M>,
  request: FindRequest<Adapted, M>,
): void {
  ctx.ask<ReceptionistMessage, Members>(receptionistOf(ctx), {
    make: (replyTo) => ({ type: "find", key: key.id, replyTo }),
    timeoutMs: request.timeoutMs ?? 1000,
    adapt: (result) => request.adapt(result as AskResult<readonly Ref<M>[]>),
  });
}

function tell<Own>(ctx: Context<Own>, message: ReceptionistMessage): void {
  ctx.tell(receptionistOf(ctx), message);
}

function receptionistOf<Own>(ctx: Context<Own>): Ref<ReceptionistMessage> {
  return ctx.refAt({ node: ctx.node, path: RECEPTIONIST_PATH });
}
