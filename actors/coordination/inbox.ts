/**
 * A second ref of an actor, for news that are not of its own type of messages: a child that hands everything on through
 * one of its parent's callbacks. They keep their place among the messages, and a full mailbox takes them all the same.
 */
import { stateless, type Context, type Ref } from "../../runtime/index.ts";

export function spawnInbox<News, Message>(
  ctx: Context<Message>,
  name: string,
  adapt: (news: News) => Message,
): Ref<News> {
  const deliver = ctx.callback(adapt);
  const inbox = stateless<News>("inbox", (news) => deliver(news));
  // Its parent's own node speaks to it, and nobody else; no message is undefined.
  return ctx.spawn({ ...inbox, accepts: (news): news is News => news === undefined }, { name });
}
