/** What a driver's drop of an envelope is in the kernel's words. */
import type { DeadLetter } from "../inspection.ts";
import { KERNEL_PATH, type EnvelopeDrop } from "../ports/remoting.ts";

/** Undefined for what kernels say: it is lost with its link only, and both ends know of that. */
export function dropLetter({
  envelope,
  reason,
  detail,
}: EnvelopeDrop): Pick<DeadLetter, "reason" | "detail"> | undefined {
  if (envelope.from.path === KERNEL_PATH) return undefined;
  switch (reason) {
    case "no-link":
    case "no-route":
      return { reason: "node-down", detail };
    case "queue-full":
      return { reason: "link-full", detail };
    case "not-plain":
    case "too-large":
      return { reason: "unsendable", detail };
    case "unreadable":
      return { reason: "wrong-type", detail };
    default:
      return reason satisfies never;
  }
}
