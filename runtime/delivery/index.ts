/** Reliable delivery: from one actor to another, in order, each once. What exactly is promised: README.md. */
export { DeliveryError, type DeliveryErrorCode } from "./delivery-error.ts";
export type { ReceiverFrame, SenderFrame } from "./delivery-frame.ts";
export type { DeliveryStore, DeliveryStoreResult, StoredDelivery } from "./delivery-store.ts";
export { confirmDelivery, redeliver, type Delivery, type ReceiverCommand } from "./delivery.ts";
export { journalDeliveryStore, type JournalDeliveryStoreOptions } from "./journal-delivery-store.ts";
export { createReceiverMemory, type ReceiverMemory } from "./receiver-memory.ts";
export type { DeliveryProgress, ReliableReceiverOptions, ReliableSenderOptions } from "./reliable-options.ts";
export { reliableReceiver, type ReliableReceiver, type ReliableReceiverMessage } from "./reliable-receiver.ts";
export {
  reliableSender,
  sendReliably,
  type ReliableSender,
  type ReliableSenderMessage,
  type SendReliably,
  type SendResult,
} from "./reliable-sender.ts";
