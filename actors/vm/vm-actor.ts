/**
 * The VmActor drives one instance through its hypervisor and reports what it sees.
 *
 *     adopting ──not running──▶ starting ──started──▶ booting ──booted──▶ running
 *         └──────────────── still running ──────────────────────────────────▶┘ │ exit, unhealthy
 *                                  starting ◀──backoff── waiting ◀─────────────┘
 *         any ──stop──▶ stopping ──ended──▶ released          any ──discard──▶ discarding ──ended──▶ released
 *
 * It begins by asking the hypervisor for a guest of this instance: after a restart of the node, or a crash of this actor,
 * there may be one. Invariants: `start` is called only while no earlier start or run of this instance is open; `released`
 * is said only after the hypervisor's word that nothing of it runs; nothing is started under a lease that is over.
 */
import type {
  Behavior,
  Context,
  Hypervisor,
  InstanceEvent,
  PortForward,
  Prober,
  Ref,
  StartResult,
} from "../../runtime/index.ts";
import type { Instance, Vm } from "../resources/index.ts";
import { judge, newHealth, nextProbeMs } from "./health.ts";
import { chooseHostPorts } from "./host-ports.ts";
import { STABLE_MS, startDelayMs } from "./start-backoff.ts";
import type { VmMessage, VmReport } from "./vm-message.ts";
import { initialState, observationOf, type VmState } from "./vm-state.ts";

export interface VmActorOptions {
  readonly vm: Vm;
  readonly instance: Instance;
  readonly leaseUntilMs: number;
  readonly hypervisor: Hypervisor;
  readonly prober: Prober;
  /** Where the VM's ports are published. */
  readonly hostAddress: string;
  readonly parent: Ref<VmReport>;
}

/** Time to boot, unless the health check allows more: half a minute under pure emulation on a loaded machine, twice. */
const BOOT_MS = 60_000;

/** Refusals of one kind before an instance is given back, some two seconds; as many more for each node that did so before. */
const STARTS_REFUSED_MAX = 3;

/** Pause between two tries to end a guest that would not end. */
const END_RETRY_MS = 1000;

/** Pause before a start that is due is tried again because the last run is not cleared yet. */
const CLEAR_RETRY_MS = 100;

export function vmActor(options: VmActorOptions): Behavior<VmState, VmMessage> {
  return {
    name: "vm",
    init: (ctx) => new VmTurn(options, ctx, initialState(options, { random: ctx.random, nowMs: ctx.now() })).begin(),
    receive: (state, message, ctx) => new VmTurn(options, ctx, state).handle(message),
  };
}

/** One message's worth of work: the state it began with, and what may be done about it. */
class VmTurn {
  readonly #options: VmActorOptions;
  readonly #ctx: Context<VmMessage>;
  readonly #state: VmState;

  constructor(options: VmActorOptions, ctx: Context<VmMessage>, state: VmState) {
    this.#options = options;
    this.#ctx = ctx;
    this.#state = state;
  }

  begin(): VmState {
    const { hypervisor, instance } = this.#options;
    const state = this.#state;
    hypervisor.adopt(instance.id, state.leaseUntilMs, this.#started(state.attempt));
    return { ...state, open: "start" };
  }

  handle(message: VmMessage): VmState {
    const state = this.#state;
    switch (message.type) {
      case "lease":
        this.#options.hypervisor.extendLease([this.#options.instance.id], message.untilMs);
        return { ...state, leaseUntilMs: message.untilMs };
      case "stop":
        return this.#endGuest("stopping", message.message);
      case "discard":
        return this.#endGuest("discarding", "");
      case "started":
        return message.attempt === state.attempt ? this.#onStarted(message.result) : state;
      case "instance-event":
        return this.#onInstanceEvent(message.event);
      case "probed":
        return message.attempt === state.attempt ? this.#onProbed(message.result) : state;
      case "probe-due":
        return this.#probe();
      case "start-due":
        return this.#onStartDue();
      case "boot-due":
        return this.#onBootDue();
      case "end-due":
        return state.stage === "waiting" || state.stage === "stopping" || state.stage === "discarding"
          ? this.#end(state)
          : state;
      case "ended":
        return this.#onEnded(message.result);
      case "stable":
        return { ...state, failures: 0 };
      default:
        return message satisfies never;
    }
  }

  #onStartDue(): VmState {
    const state = this.#state;
    if (state.stage !== "waiting") return state;
    if (state.cleared && state.open === "none") return this.#startAgain(state);
    this.#ctx.setTimer("start", CLEAR_RETRY_MS, { type: "start-due" });
    return state;
  }

  #startAgain(state: VmState): VmState {
    // Without a lease it is not an attempt.
    const attempt = this.#ctx.now() < state.leaseUntilMs ? state.attempt + 1 : state.attempt;
    return this.#start({ ...state, attempt });
  }

  #start(state: VmState): VmState {
    const { hypervisor, instance, vm } = this.#options;
    const ctx = this.#ctx;
    if (ctx.now() >= state.leaseUntilMs) return this.#wait(state, "The node's lease is over");
    const { spec } = vm;
    const forwards = state.attempt === vm.status.restarts ? state.forwards : this.#freshPorts();
    hypervisor.start(
      {
        instance: instance.id,
        vm: vm.metadata.name,
        node: ctx.node,
        vcpus: spec.vcpus,
        memoryMiB: spec.memoryMiB,
        image: spec.image,
        command: spec.command,
        env: spec.env,
        files: spec.files,
        ports: forwards,
        leaseUntilMs: state.leaseUntilMs,
      },
      this.#started(state.attempt),
    );
    return this.#report({
      ...state,
      forwards,
      stage: "starting",
      open: "start",
      health: newHealth(ctx.now()),
      message: "",
    });
  }

  /** A port that turned out to be taken is not tried again. */
  #freshPorts(): PortForward[] {
    return chooseHostPorts(this.#options.vm.spec.ports, this.#options.hostAddress, this.#ctx.random);
  }

  #started(attempt: number): Parameters<Hypervisor["start"]>[1] {
    return this.#ctx.callback((result) => ({ type: "started", attempt, result }));
  }

  #onStarted(result: Parameters<Parameters<Hypervisor["start"]>[1]>[0]): VmState {
    const state: VmState = { ...this.#state, open: "none" };
    switch (state.stage) {
      case "adopting":
        if (result.ok) return this.#booted(state);
        // Any other failure leaves it open whether a guest runs.
        return result.code === "not-running" ? this.#start(state) : this.#failed(state, result.message);
      case "starting":
        return result.ok ? this.#booting({ ...state, refused: null }) : this.#refused(state, result);
      case "booting":
      case "running":
        return result.ok ? state : this.#failed(state, result.message);
      case "waiting":
      case "stopping":
      case "discarding":
        return this.#end(state);
      default:
        return state.stage satisfies never;
    }
  }

  /** What keeps failing in the same way here may go elsewhere: after some tries the node gives the instance back. */
  #refused(state: VmState, { code, message }: Extract<StartResult, { readonly ok: false }>): VmState {
    const refused = { code, times: state.refused?.code === code ? state.refused.times + 1 : 1 };
    const elsewhere = this.#options.vm.status.failedOn?.length ?? 0;
    if (refused.times < STARTS_REFUSED_MAX * (1 + elsewhere)) return this.#failed({ ...state, refused }, message);
    return this.#end(this.#report({ ...state, refused, stage: "stopping", message, releaseAs: "Unstartable" }));
  }

  /**
   * A guest that hangs before it is up neither exits nor fails a check; only time tells. To the map it starts as before: another word would be an entry
   * of the log that changes nothing.
   */
  #booting(state: VmState): VmState {
    const check = this.#options.vm.spec.health;
    const bootMs = check === undefined ? BOOT_MS : Math.max(BOOT_MS, check.startMs);
    this.#ctx.setTimer("boot", bootMs, { type: "boot-due" });
    return { ...state, stage: "booting" };
  }

  #onBootDue(): VmState {
    return this.#state.stage === "booting" ? this.#failed(this.#state, "The guest did not boot in time") : this.#state;
  }

  #booted(state: VmState): VmState {
    this.#ctx.cancelTimer("boot");
    this.#ctx.setTimer("stable", STABLE_MS, { type: "stable" });
    if (this.#options.vm.spec.health !== undefined) this.#ctx.setTimer("probe", 0, { type: "probe-due" });
    return this.#report({ ...state, stage: "running", message: "" });
  }

  #onInstanceEvent(event: InstanceEvent): VmState {
    const state = this.#state;
    switch (event.type) {
      case "booted":
        return state.stage === "starting" || state.stage === "booting" ? this.#booted(state) : state;
      case "heartbeat":
      case "arrived":
        return state;
      case "exited":
        if (
          state.stage === "adopting" ||
          state.stage === "stopping" ||
          state.stage === "discarding" ||
          state.stage === "waiting"
        )
          return state;
        if (event.reason !== "lease" && this.#isComplete(event.reason)) return this.#complete(event.detail);
        return this.#failed(state, `The guest ended by itself: ${event.detail}`);
      default:
        return event satisfies never;
    }
  }

  #probe(): VmState {
    const check = this.#options.vm.spec.health;
    if (check === undefined || this.#state.stage !== "running") return this.#state;
    const forward = this.#state.forwards.find(({ guestPort }) => guestPort === check.port);
    if (forward === undefined) return this.#state;
    const { attempt } = this.#state;
    this.#options.prober.probe(
      {
        kind: check.type,
        address: forward.hostAddress,
        port: forward.hostPort,
        path: check.path,
        timeoutMs: check.timeoutMs,
      },
      this.#ctx.callback((result) => ({ type: "probed", attempt, result })),
    );
    return this.#state;
  }

  #onProbed(result: Parameters<Parameters<Prober["probe"]>[1]>[0]): VmState {
    const check = this.#options.vm.spec.health;
    if (check === undefined || this.#state.stage !== "running") return this.#state;
    const health = judge(this.#state.health, check, { ok: result.ok, nowMs: this.#ctx.now() });
    const state = { ...this.#state, health };
    if (health.verdict === "unhealthy") {
      this.#report(state);
      return this.#failed(
        state,
        `Its health check failed ${check.failuresMax} times: ${result.ok ? "" : result.message}`,
      );
    }
    this.#ctx.setTimer("probe", nextProbeMs(health, check), { type: "probe-due" });
    return health.verdict === this.#state.health.verdict ? state : this.#report(state);
  }

  /** Clears what is left of a run that failed, and waits for the next one. */
  #failed(state: VmState, message: string): VmState {
    const failures = state.failures + 1;
    const delayMs = startDelayMs(failures, this.#ctx.random);
    const said = `${message}; trying again in ${(delayMs / 1000).toFixed(1)} s`;
    return this.#end({ ...this.#wait({ ...state, failures }, said, delayMs), cleared: false });
  }

  #wait(state: VmState, message: string, delayMs = END_RETRY_MS): VmState {
    this.#ctx.cancelTimer("stable");
    this.#ctx.cancelTimer("probe");
    this.#ctx.cancelTimer("boot");
    this.#ctx.setTimer("start", delayMs, { type: "start-due" });
    return this.#report({ ...state, stage: "waiting", message });
  }

  #isComplete(reason: "shutdown" | "crash"): boolean {
    const { restart } = this.#options.vm.spec;
    return restart === "never" || (restart === "on-failure" && reason === "shutdown");
  }

  #complete(detail: string): VmState {
    return this.#endGuest("stopping", detail, "Completed");
  }

  #endGuest(stage: "stopping" | "discarding", message: string, releaseAs: VmState["releaseAs"] = "Stopped"): VmState {
    if (this.#state.stage === "discarding" || this.#state.stage === stage) return this.#state;
    for (const key of ["start", "boot", "probe", "stable"]) this.#ctx.cancelTimer(key);
    return this.#end(this.#report({ ...this.#state, stage, message, releaseAs }));
  }

  /** While a call is open its answer is awaited first, so that no guest comes up behind the end. */
  #end(state: VmState): VmState {
    if (state.open !== "none") return state;
    const { hypervisor, instance, vm } = this.#options;
    const graceMs = state.stage === "stopping" ? vm.spec.stopGraceMs : 0;
    hypervisor.stop(
      instance.id,
      graceMs,
      this.#ctx.callback((result) => ({ type: "ended", result })),
    );
    return { ...state, open: "end" };
  }

  #onEnded(result: Parameters<Parameters<Hypervisor["stop"]>[2]>[0]): VmState {
    const state: VmState = { ...this.#state, open: "none" };
    if (!result.ok) {
      this.#ctx.setTimer("end", END_RETRY_MS, { type: "end-due" });
      // Only said: what it ends with, once it has ended, is why it was to end.
      this.#report({ ...state, message: `Cannot end the guest: ${result.message}; trying again` });
      return state;
    }
    if (state.stage === "stopping" || state.stage === "discarding") {
      return this.#release(
        state.releaseAs,
        result.forced ? "It did not shut down in time and was ended" : state.message,
      );
    }
    return { ...state, cleared: true };
  }

  #release(phase: VmState["releaseAs"], message: string): VmState {
    const silent = this.#state.stage === "discarding";
    const instance = this.#options.instance.id;
    this.#ctx.tell(this.#options.parent, { type: "vm-released", instance, phase, message, silent });
    this.#ctx.stop();
    return this.#state;
  }

  #report(state: VmState): VmState {
    const observation = observationOf(state);
    const instance = this.#options.instance.id;
    if (observation !== null) this.#ctx.tell(this.#options.parent, { type: "vm-observed", instance, observation });
    return state;
  }
}
