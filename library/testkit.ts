/** What `blixard/testkit` exports: actors in virtual time, and one behaviour alone. */
/// <reference path="../runtime/nact.d.ts" preserve="true" />
export {
  createManualCluster,
  createManualWorld,
  createProbe,
  ProbeError,
  runInIsolation,
  type AskedEffect,
  type Effect,
  type Isolated,
  type IsolationOptions,
  type ManualCluster,
  type ManualClusterOptions,
  type ManualWorld,
  type ManualWorldOptions,
  type MessageMatcher,
  type PipedEffect,
  type Probe,
  type ProbeOptions,
  type Within,
} from "../runtime/testkit/index.ts";
