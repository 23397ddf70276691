/** A persistent actor of nact, written as nact's users write them, for the tests of the engine. */
import { configurePersistence, dispatch, query, spawnPersistent, start, stop } from "nact";
import { createNactPersistenceEngine, type Journal } from "../../../runtime/index.ts";

export interface NactCounter {
  /** Adds, and resolves with the total when the event is kept. */
  add(amount: number): Promise<number>;
  end(): void;
}

type Add = { readonly type: "added"; readonly amount: number };
type AddRequest = { readonly add: Add; readonly replyTo: Parameters<typeof dispatch>[0] };
interface PersistentContext {
  readonly recovering?: boolean;
  persist(event: Add, tags?: readonly string[]): Promise<void>;
}

const QUERY_MS = 5000;

export function startNactCounter(journal: Journal, key: string, snapshotEvery?: number): NactCounter {
  // Its types name the DOM's Event where they mean nact's own.
  const engine = createNactPersistenceEngine(journal) as unknown as Parameters<typeof configurePersistence>[0];
  const system = start(configurePersistence(engine));
  const counter = spawnPersistent(
    system,
    async (total: number = 0, message: Add | AddRequest, ctx) => {
      const { recovering, persist } = ctx as unknown as PersistentContext;
      if (recovering === true) return total + (message as Add).amount;
      const { add, replyTo } = message as AddRequest;
      await persist(add, ["counter", `amount-${add.amount}`]);
      dispatch(replyTo, total + add.amount);
      return total + add.amount;
    },
    key,
    "counter",
    snapshotEvery === undefined ? {} : { snapshotEvery },
  );
  return {
    add: (amount) =>
      query(
        counter as never,
        (replyTo) => ({ add: { type: "added", amount }, replyTo }) as never,
        QUERY_MS,
      ) as Promise<number>,
    end: () => stop(system),
  };
}
