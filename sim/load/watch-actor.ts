/** A watch at one node: subscribes to its replica, and hands on what it tells to who watches, outside of every node. */
import { stateless, type Behavior, type Ref } from "../../runtime/index.ts";
import type { ReplicaRequest, WatchMessage } from "../../actors/index.ts";

/** Tells the actor what to watch from; `stop`: no more. */
export type WatchOrder =
  | { readonly type: "watch-from"; readonly since: number | null }
  | { readonly type: "stop-watching" }
  | WatchMessage;

export function watchActor(
  replica: Ref<ReplicaRequest>,
  told: (message: WatchMessage) => void,
): Behavior<null, WatchOrder> {
  return stateless("watch", (message, ctx) => {
    switch (message.type) {
      case "watch-from": {
        const { since } = message;
        const from = since === null ? {} : { since };
        ctx.tell(replica, { type: "subscribe", subscriber: ctx.self, selection: { kinds: ["Vm"] }, ...from });
        return;
      }
      case "stop-watching":
        ctx.tell(replica, { type: "unsubscribe", subscriber: ctx.self });
        ctx.stop();
        return;
      default:
        told(message);
    }
  });
}
