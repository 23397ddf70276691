/**
 * What no end of reliable delivery can be made with is refused where it is given: a buffer of `NaN` would bound nothing, a wait of 0
 * would ask without end.
 */
import { checkRef } from "../check-behavior.ts";
import type { ReliableReceiverOptions, ReliableSenderOptions } from "./reliable-options.ts";

const WINDOW_MAX = 10_000;

/** @throws RangeError, TypeError. */
export function checkSender<M>({ to, bufferMax, resendMs, resendMaxMs }: ReliableSenderOptions<M>): void {
  checkRef("deliver reliably to", to);
  const refuse = (name: string, value: unknown, wanted: string): never => {
    throw new RangeError(`Cannot deliver reliably to ${to.toString()}: ${name} is ${String(value)}, wanted ${wanted}`);
  };
  if (!isCountOrNothing(bufferMax)) refuse("bufferMax", bufferMax, "a number of messages from 1 on");
  if (resendMs !== undefined && !(resendMs > 0)) refuse("resendMs", resendMs, "milliseconds, more than 0");
  if (resendMaxMs !== undefined && !(resendMaxMs > 0)) refuse("resendMaxMs", resendMaxMs, "milliseconds, more than 0");
}

/** @throws RangeError, TypeError. */
export function checkReceiver<M>(options: ReliableReceiverOptions<M>): void {
  const { window, streamsMax } = options;
  if (typeof options.deliver !== "function") {
    throw new TypeError(`Cannot make a reliable receiver: deliver is ${typeof options.deliver}, wanted a function`);
  }
  if (!isCountOrNothing(window) || (window !== undefined && window > WINDOW_MAX)) {
    throw new RangeError(
      `Cannot make a reliable receiver with a window of ${window}: wanted an integer from 1 to ${WINDOW_MAX}`,
    );
  }
  if (isCountOrNothing(streamsMax)) return;
  throw new RangeError(`Cannot make a reliable receiver of ${streamsMax} streams: wanted an integer from 1 on`);
}

/** `Infinity` is a count: no limit. */
function isCountOrNothing(value: number | undefined): boolean {
  return value === undefined || (value >= 1 && (Number.isInteger(value) || value === Infinity));
}
