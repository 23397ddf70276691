/**
 * Has a guest write down what it holds for its disks, and hold still with them, for a moment and never for longer.
 *
 * Three things end it, whichever comes first: `thaw`; the guest's own clock; the greeting of the next process, where this one has died. A guest that cannot be
 * frozen in time is told to thaw all the same, since its agent may still be at it.
 */
import type { AgentLink } from "../agent/agent-link.ts";

export interface Frozen {
  readonly isFrozen: boolean;
  /** Never throws, and waits for nothing. */
  readonly thaw: () => void;
}

/** To write down what a guest has for its disks. One that needs longer is kept as it is. */
export const FREEZE_MS = 5_000;
/** Of its own time, after which a guest thaws by itself: it stands still for what takes longest. */
const FROZEN_SECONDS = 30;

export const UNFROZEN: Frozen = { isFrozen: false, thaw: () => undefined };

/** Never throws. */
export async function freezeGuest(agent: Pick<AgentLink, "freeze" | "thaw">): Promise<Frozen> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), FREEZE_MS)));
  const asked = agent.freeze(FROZEN_SECONDS).then(
    () => true,
    () => false,
  );
  const isFrozen = await Promise.race([asked, late]);
  clearTimeout(timer);
  return { isFrozen, thaw: () => void agent.thaw().catch(() => undefined) };
}
