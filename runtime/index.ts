/** The runtime: actors and the ports they stand on. */
export { ActorSystem, type ActorSystemOptions } from "./actor-system.ts";
export type { CrashReport } from "./actor-kernel.ts";
export { BehaviorError, type BehaviorErrorCode } from "./behavior-error.ts";
export { functional, stateless, type Behavior, type Handler, type Signal } from "./behavior.ts";
export type { AskFailure, AskResult } from "./ask-result.ts";
export type { AskRequest, CallbackOptions, Context, SpawnOptions, StopOptions } from "./context.ts";
export {
  DEFAULT_SHUTDOWN_PHASES,
  type PhaseReport,
  type ShutdownPhase,
  type ShutdownReport,
  type ShutdownTask,
  type TaskOutcome,
  type TaskReport,
} from "./coordinated-shutdown.ts";
export type {
  ActorNode,
  Causal,
  DeadLetter,
  DeadLetterReason,
  InspectionDetail,
  InspectionEvent,
  InspectOptions,
} from "./inspection.ts";
export { jsonCodec } from "./json-codec.ts";
export { MAILBOX_CAPACITY_DEFAULT, type MailboxOptions, type Overflow } from "./mailbox.ts";
export type { MailboxMetrics } from "./mailbox-metrics.ts";
export {
  CheckedJournal,
  type JournalBackend,
  type SnapshotContent,
  type SubmitDone,
} from "./persistence/checked-journal.ts";
export { Decision, effectToken, type DecideContext } from "./persistence/decision.ts";
export type { AdaptedEvent, EventAdapter, EventFormatOptions } from "./persistence/event-format.ts";
export { eventSourced } from "./persistence/event-sourced.ts";
export type { EventSourcedOptions, PersistenceSignal } from "./persistence/event-sourced-options.ts";
export { JournalMachine } from "./persistence/journal-machine.ts";
export { createMemoryJournal } from "./persistence/memory-journal.ts";
export { memoryBodies, MemoryTable } from "./persistence/memory-table.ts";
export {
  createNactPersistenceEngine,
  type NactEvent,
  type NactEventStream,
  type NactPersistenceEngine,
  type NactPersistenceOptions,
  type NactSnapshot,
} from "./persistence/nact-persistence-engine.ts";
export { PersistenceError, type PersistenceErrorCode } from "./persistence/persistence-error.ts";
export { plainJson } from "./persistence/plain-json.ts";
export type { EventPlace } from "./persistence/recovery.ts";
export { createRandom } from "./prng.ts";
export { Ref, type AnyRef, type TerminationReason } from "./ref.ts";
export { stopOnCrash, type Directive, type Strategy, type Supervision } from "./supervision.ts";
export type { World } from "./world.ts";
export type { Clock, TimerHandle } from "./ports/clock.ts";
export type { Dispatcher, Turn } from "./ports/dispatcher.ts";
export type {
  DriverName,
  ExitReason,
  FoundInstance,
  GuestFile,
  Hypervisor,
  HypervisorCapabilities,
  InstanceEvent,
  InstanceLaunch,
  LogRequest,
  LogSubscription,
  PortForward,
  StartFailure,
  StartResult,
  StopResult,
} from "./ports/hypervisor.ts";
export type { CloudInit, DiskSource, GuestDisk } from "./ports/guest-disks.ts";
export type { GuestCard } from "./ports/guest-networks.ts";
export type {
  CheckpointManifest,
  CheckpointPart,
  CheckpointRequest,
  GuestMetrics,
  GuestVerb,
  GuestVerbs,
  MigrationEndpoint,
  MigrationLimits,
  MigrationProgress,
  MigrationRequest,
  VerbFailure,
  VerbRefusal,
  VerbResult,
} from "./ports/guest-verbs.ts";
export {
  type GuestStream,
  STREAM_CHUNK,
  STREAM_WINDOW,
  type StreamEnd,
  type StreamListener,
  type StreamRequest,
  type TerminalSize,
} from "./ports/guest-streams.ts";
export {
  EMPTY_LOG,
  type HardState,
  type LoadedLog,
  type LogDamage,
  type LogEntry,
  type LogPosition,
  type LogStore,
  type LogWrite,
  type MemberIdentity,
} from "./ports/log-store.ts";
export type {
  LoadedSnapshots,
  FinishedSnapshot,
  SnapshotChunk,
  SnapshotEnd,
  SnapshotHead,
  SnapshotStore,
} from "./ports/snapshot-store.ts";
export { crc32 } from "./crc32.ts";
export { lackingVerbs, NO_STREAM, type LackingVerbs } from "./lacking-verbs.ts";
export { checkMicrovm, type MicrovmConfig, type MicrovmProblem, type MicrovmSurroundings } from "./microvm/index.ts";
export { StoreError, type StoreErrorCode } from "./ports/store-error.ts";
export type { LogFields, Logger, LogLevel } from "./ports/logger.ts";
export type { PayloadCodec } from "./ports/payload-codec.ts";
export { probeByExec } from "./exec-probe.ts";
export type { Prober, ProbeResult, ProbeTarget } from "./ports/prober.ts";
export {
  JOURNAL_LIMITS,
  type Journal,
  type JournalAppend,
  type JournalDeletion,
  type JournalPage,
  type JournalRange,
  type JournalResult,
  type NewEvent,
  type Snapshot,
  type SnapshotSave,
  type StoredEvent,
  type StreamHead,
  type StreamQuery,
} from "./ports/journal.ts";
export type { Random } from "./ports/random.ts";
export type { Address } from "./ports/address.ts";
export {
  KERNEL_PATH,
  type Envelope,
  type EnvelopeDrop,
  type EnvelopeDropReason,
  type LinkEvent,
  type Remoting,
} from "./ports/remoting.ts";
export {
  findGroup,
  joinGroup,
  leaveGroup,
  serviceKey,
  spawnReceptionist,
  unwatchGroup,
  watchGroup,
  type FindRequest,
  type GroupScope,
  type JoinOptions,
  type ServiceKey,
} from "./groups/index.ts";
export type { Settled, Work } from "./ports/work.ts";
export {
  consistentHash,
  groupRouter,
  poolRouter,
  resizePool,
  type ConsistentHash,
  type ConsistentHashOptions,
  type GroupList,
  type GroupRouter,
  type GroupRouterOptions,
  type PoolRouter,
  type PoolRouterOptions,
  type ResizePool,
  type Routing,
} from "./routers/index.ts";
export {
  publish,
  spawnTopics,
  subscribe,
  topic,
  unsubscribe,
  type Publisher,
  type SubscribeOptions,
  type Topic,
} from "./topics/index.ts";
export {
  confirmDelivery,
  createReceiverMemory,
  DeliveryError,
  journalDeliveryStore,
  redeliver,
  reliableReceiver,
  reliableSender,
  sendReliably,
  type Delivery,
  type DeliveryErrorCode,
  type DeliveryProgress,
  type DeliveryStore,
  type DeliveryStoreResult,
  type JournalDeliveryStoreOptions,
  type ReceiverCommand,
  type ReceiverFrame,
  type ReceiverMemory,
  type ReliableReceiver,
  type ReliableReceiverMessage,
  type ReliableReceiverOptions,
  type ReliableSender,
  type ReliableSenderMessage,
  type ReliableSenderOptions,
  type SenderFrame,
  type SendReliably,
  type SendResult,
  type StoredDelivery,
} from "./delivery/index.ts";
export {
  SPAWNED_MAX,
  SPAWNER_PATH,
  SPAWNER_SPAWN_OPTIONS,
  spawnerActor,
  spawnOn,
  type AnyBehavior,
  type Spawnable,
  type SpawnerOptions,
  type SpawnOnRequest,
  type SpawnRefusal,
  type SpawnReply,
  type SpawnRequest,
  type SpawnResult,
} from "./remote/index.ts";
