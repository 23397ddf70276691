/**
 * A second ref of an actor, for news that are not of its own type of messages: a child that hands everything on through
 * one of its parent's callbacks. What comes through `ahead` callbacks is handled before all that waits in the mailbox.
 */
import { stateless, type Context, type Ref } from "../../runtime/index.ts";

export function spawnInbox<News, Message>(
  ctx: Context<Message>,
  name: string,
  adapt: (news: News) => Message,
): Ref<News> {
  const deliver = ctx.callback(adapt, { ahead: true });
  return ctx.spawn(
    stateless<News>("inbox", (news) => deliver(news)),
    { name },
  );
}
