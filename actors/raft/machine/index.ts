/** A replicated state machine behind one interface, with sessions and linearizable reads. See ../README.md. */
export { MACHINE_SPAWN_OPTIONS, machineActor, type MachineActorOptions, type MachineView } from "./machine-actor.ts";
export type { MachineMessage } from "./machine-message.ts";
export type {
  ExecuteBatch,
  MachineCommand,
  MachineFailure,
  MachineReplies,
  MachineReply,
  MachineRequest,
  QueryBatch,
} from "./machine-protocol.ts";
export type { AppliedAt, MachineRestore, MachineSnapshot, StateMachine } from "./state-machine.ts";
