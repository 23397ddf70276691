/**
 * What consensus replicates in `raft-scenario.ts`: a few registers that clients put, compare and delete, as state machine of
 * `actors/raft/machine`. Values are unique, so that a history shows who wrote what.
 */
import { jsonCodec } from "../../runtime/index.ts";
import type { AppliedAt, MachineRestore, MachineSnapshot, StateMachine } from "../../actors/raft/machine/index.ts";
import type { KvInput } from "../checkers/history.ts";

/** A write as it stands in the log; `operation` is its number in the history. */
export interface RegisterCommand {
  readonly operation: number;
  readonly key: string;
  readonly input: KvInput;
}

export interface RegisterMachineOptions {
  /** A command is carried out: told before each, also when it stands in the log twice. */
  onAct(command: RegisterCommand, at: AppliedAt): void;
  /** A snapshot has taken the place of the state. */
  onRestored(): void;
  /** Makes snapshots so much larger, so that they are sent in several parts. */
  readonly ballastBytes: number;
  /** Only to plant a fault: a snapshot is of when it is read, not of when it was taken. */
  readonly isLate?: boolean;
}

/** A snapshot's ballast comes in parts of this size. */
const PART_BYTES = 8192;
const BALLAST = new Uint8Array(PART_BYTES).fill(7);

export class RegisterMachine implements StateMachine {
  readonly #options: RegisterMachineOptions;
  #values: Map<string, string> = new Map();

  constructor(options: RegisterMachineOptions) {
    this.#options = options;
  }

  /** Equal where the registers are. */
  get fingerprint(): string {
    const sorted = [...this.#values].toSorted(([one], [other]) => (one < other ? -1 : 1));
    return sorted.map(([key, value]) => `${key}=${value}`).join(" ");
  }

  apply(bytes: Uint8Array, at: AppliedAt): Uint8Array {
    const command = jsonCodec.decode(bytes) as RegisterCommand;
    this.#options.onAct(command, at);
    return jsonCodec.encode(this.#act(command));
  }

  query(key: Uint8Array): Uint8Array {
    return jsonCodec.encode(this.#values.get(jsonCodec.decode(key) as string) ?? null);
  }

  snapshot(): MachineSnapshot {
    const write = (): Uint8Array => jsonCodec.encode([...this.#values]);
    const now = write();
    const parts = [this.#options.isLate === true ? write : () => now];
    for (let left = this.#options.ballastBytes; left > 0; left -= PART_BYTES) parts.push(() => BALLAST);
    return { next: () => parts.shift()?.() ?? null };
  }

  restore(): MachineRestore {
    const parts: Uint8Array[] = [];
    return {
      add: (part) => void parts.push(part),
      finish: () => {
        this.#values = new Map(jsonCodec.decode(parts[0] ?? new Uint8Array()) as [string, string][]);
        this.#options.onRestored();
      },
    };
  }

  /** Only to plant a fault: all of the state is lost. */
  forget(): void {
    this.#values.clear();
  }

  #act({ key, input }: RegisterCommand): boolean {
    switch (input.type) {
      case "put":
        this.#values.set(key, input.value);
        return true;
      case "delete":
        this.#values.delete(key);
        return true;
      case "cas": {
        const takesPlace = (this.#values.get(key) ?? null) === input.expected;
        if (takesPlace) this.#values.set(key, input.value);
        return takesPlace;
      }
      default:
        throw new Error(`A register was told to ${input.type}`);
    }
  }
}
