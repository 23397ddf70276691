/** What a VmActor hears and says. Its parent is the NodeActor, which speaks to the map for it. */
import type { InstanceEvent, ProbeResult, StartResult, StopResult } from "../../runtime/index.ts";
import type { Observation } from "../cluster/commands.ts";

export type VmMessage =
  /** The node's lease, and so this instance's, was renewed. */
  | { readonly type: "lease"; readonly untilMs: number }
  /** Shut the guest down and release the instance. */
  | { readonly type: "stop"; readonly message: string }
  /** End the guest at once, without a word to the map: the lease is over or the map has forgotten the instance. */
  | { readonly type: "discard" }
  | { readonly type: "instance-event"; readonly event: InstanceEvent }
  | { readonly type: "started"; readonly attempt: number; readonly result: StartResult }
  | { readonly type: "ended"; readonly result: StopResult }
  | { readonly type: "probed"; readonly attempt: number; readonly result: ProbeResult }
  /** Timers. */
  | { readonly type: "probe-due" }
  | { readonly type: "start-due" }
  | { readonly type: "boot-due" }
  | { readonly type: "end-due" }
  | { readonly type: "stable" };

/** From a VmActor to its NodeActor. */
export type VmReport =
  | { readonly type: "vm-observed"; readonly instance: string; readonly observation: Observation }
  /** Nothing of the instance runs, and never will again; the VmActor has stopped. */
  | {
      readonly type: "vm-released";
      readonly instance: string;
      /** `Unstartable`: the hypervisor refused to start it, time and again. */
      readonly phase: "Stopped" | "Completed" | "Unstartable";
      readonly message: string;
      /** True when the map should not be told: after `discard`. */
      readonly silent: boolean;
    };
