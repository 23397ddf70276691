/** How reliable delivery fails, by a stable code; docs/errors.md lists them. */

export type DeliveryErrorCode =
  /** The sender's store could not be read, or could not keep a message. */
  | "delivery-store-failed"
  /** The receiver has confirmed messages that the sender's store never held: the store is older than what was sent from it. */
  | "delivery-store-behind"
  /** A behaviour of `reliableSender` or `reliableReceiver` was spawned a second time while its first actor runs. */
  | "delivery-in-use";

/** Crashes the reliable sender or receiver; supervision decides. */
export class DeliveryError extends Error {
  override readonly name = "DeliveryError";
  readonly code: DeliveryErrorCode;

  constructor(code: DeliveryErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
