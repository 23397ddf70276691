/**
 * What may be wrong with a host's hypervisor for a while, or for good, while its node is well.
 *
 * - `refused`: no guest starts here, for a reason that trying again does not change: the image is not there.
 * - `socket-lost`: guests run, and their control sockets answer nobody. What starts is ended again, since it cannot be told to stop; what runs
 *   is heard of no more until it ends, and is ended after its grace instead of shut down. Its guard needs no socket.
 * - `hung-boot`: guests start, and never come up.
 * - `slow-boot`, `slow-stop`: they take many times as long.
 * - `slow-build`, `build-failed`: what is to be run is built first, for minutes, or cannot be (building.ts).
 */
export type HostTrouble =
  | "refused"
  | "socket-lost"
  | "hung-boot"
  | "slow-boot"
  | "slow-stop"
  | "slow-build"
  | "build-failed";

export const HOST_TROUBLES: readonly HostTrouble[] = [
  "refused",
  "socket-lost",
  "hung-boot",
  "slow-boot",
  "slow-stop",
  "slow-build",
  "build-failed",
];

export class HostTroubles {
  /** How often each of them has struck somebody. */
  readonly met: Record<HostTrouble, number> = {
    refused: 0,
    "socket-lost": 0,
    "hung-boot": 0,
    "slow-boot": 0,
    "slow-stop": 0,
    "slow-build": 0,
    "build-failed": 0,
  };
  /** How many times each is on: two blows may overlap. */
  readonly #on = new Map<HostTrouble, number>();

  begin(trouble: HostTrouble): void {
    this.#on.set(trouble, (this.#on.get(trouble) ?? 0) + 1);
  }

  end(trouble: HostTrouble): void {
    this.#on.set(trouble, Math.max(0, (this.#on.get(trouble) ?? 0) - 1));
  }

  endAll(): void {
    this.#on.clear();
  }

  isOn(trouble: HostTrouble): boolean {
    return (this.#on.get(trouble) ?? 0) > 0;
  }

  /** Whether it strikes who asks; counted. */
  strikes(trouble: HostTrouble): boolean {
    if (!this.isOn(trouble)) return false;
    this.met[trouble] += 1;
    return true;
  }
}
