/** Work on many things, some at a time. */

/** As many at once as a node with few cores can prepare. */
const LANES = 4;

/** Takes them in order. @throws the first failure, once those that had begun are over; what had not does not begin. */
export async function inLanes<Of>(things: readonly Of[], run: (thing: Of) => Promise<unknown>): Promise<void> {
  const waiting = [...things];
  const lane = async (): Promise<void> => {
    for (let thing = waiting.shift(); thing !== undefined; thing = waiting.shift()) {
      try {
        await run(thing);
      } catch (error) {
        waiting.length = 0;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: LANES }, lane));
  for (const { reason } of lanes.filter((one) => one.status === "rejected")) throw reason;
}
