/** The runtime: actors and the ports they stand on. */
export { ActorSystem, type ActorSystemOptions } from "./actor-system.ts";
export type { CrashReport } from "./actor-kernel.ts";
export { stateless, type Behavior, type Signal } from "./behavior.ts";
export type { AskFailure, AskRequest, AskResult, Context, SpawnOptions } from "./context.ts";
export type { DeadLetter, DeadLetterReason, InspectionEvent } from "./inspection.ts";
export { jsonCodec } from "./json-codec.ts";
export { MAILBOX_CAPACITY_DEFAULT, type MailboxMetrics, type MailboxOptions, type Overflow } from "./mailbox.ts";
export { createRandom } from "./prng.ts";
export { Ref, type AnyRef, type TerminationReason } from "./ref.ts";
export { stopOnCrash, type Directive, type Supervision } from "./supervision.ts";
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
export type { HardState, LoadedLog, LogEntry, LogStore, LogWrite } from "./ports/log-store.ts";
export { StoreError, type StoreErrorCode } from "./ports/store-error.ts";
export type { LogFields, Logger, LogLevel } from "./ports/logger.ts";
export type { PayloadCodec } from "./ports/payload-codec.ts";
export type { Prober, ProbeResult, ProbeTarget } from "./ports/prober.ts";
export type { Random } from "./ports/random.ts";
export type { Address } from "./ports/address.ts";
export type { Envelope, LinkEvent, Remoting } from "./ports/remoting.ts";
