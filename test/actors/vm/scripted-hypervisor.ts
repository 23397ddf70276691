/** A hypervisor that does what the test says: it records every call and keeps its answer until told. */
import {
  type CheckpointManifest,
  type FoundInstance,
  type GuestVerb,
  lackingVerbs,
  type Hypervisor,
  type InstanceEvent,
  type InstanceLaunch,
  type StartResult,
  type StopResult,
  type VerbResult,
} from "../../../runtime/index.ts";

export interface ScriptedHypervisor extends Hypervisor {
  readonly calls: string[];
  readonly launches: InstanceLaunch[];
  /** Deadlines that adoptions were asked for with. */
  readonly leases: number[];
  found: FoundInstance[];
  /** Answers the oldest open call of that kind. */
  answerStart(result: StartResult): void;
  answerAdopt(result: StartResult): void;
  answerStop(result: StopResult): void;
  answerTurn(result?: VerbResult): void;
  answerCheckpoint(result: VerbResult<{ readonly manifest: CheckpointManifest }>): void;
  answerDrop(result?: VerbResult): void;
  answerMigrate(result: VerbResult<{ readonly downtimeMs: number }>): void;
  emit(event: InstanceEvent): void;
}

const LACKS: Partial<Record<GuestVerb, string>> = {
  pause: "not in the script",
  checkpoint: "not in the script",
  migrate: "not in the script",
  balloon: "not in the script",
  metrics: "not in the script",
  exec: "not in the script",
  copy: "not in the script",
  console: "not in the script",
};

export const NOT_RUNNING: StartResult = { ok: false, code: "not-running", message: "no guest of this instance runs" };
export const STARTED: StartResult = { ok: true, pid: 4711 };
export const STOPPED: StopResult = { ok: true, forced: false };

/** `lacks`: by default everything that is more than life and death. */
export function createScriptedHypervisor(lacks: Partial<Record<GuestVerb, string>> = LACKS): ScriptedHypervisor {
  const turns: ((result: VerbResult) => void)[] = [];
  const migrations: ((result: VerbResult<{ readonly downtimeMs: number }>) => void)[] = [];
  const checkpoints: ((result: VerbResult<{ readonly manifest: CheckpointManifest }>) => void)[] = [];
  const drops: ((result: VerbResult) => void)[] = [];
  const starts: ((result: StartResult) => void)[] = [];
  const adopts: ((result: StartResult) => void)[] = [];
  const stops: ((result: StopResult) => void)[] = [];
  const calls: string[] = [];
  const launches: InstanceLaunch[] = [];
  const leases: number[] = [];
  let listener: (event: InstanceEvent) => void = () => {};

  function oldest<Value>(open: ((value: Value) => void)[], kind: string): (value: Value) => void {
    const done = open.shift();
    if (done === undefined) throw new Error(`no ${kind} is open; calls: ${calls.join(", ")}`);
    return done;
  }

  return {
    driver: "simulated",
    capabilities: { isolation: true, accelerated: false, adopt: true, lacks },
    verbs: lackingVerbs({
      driver: "scripted",
      lacks,
      own: {
        pause: (instance, done) => void (calls.push(`pause ${instance}`), turns.push(done)),
        resume: (instance, done) => void (calls.push(`resume ${instance}`), turns.push(done)),
        migrate: (request, done) => {
          calls.push(`migrate ${request.instance} to ${request.to.address}:${request.to.port}`);
          migrations.push(done);
        },
        checkpoint: ({ instance, id }, done) =>
          void (calls.push(`checkpoint ${id} of ${instance}`), checkpoints.push(done)),
        dropCheckpoint: (id, done) => void (calls.push(`drop ${id}`), drops.push(done)),
        cancelMigration: (instance) => void calls.push(`cancel ${instance}`),
      },
      later: queueMicrotask,
    }),
    calls,
    launches,
    leases,
    found: [],
    start(launch, done) {
      calls.push(`start ${launch.instance}`);
      launches.push(launch);
      starts.push(done);
    },
    stop(instance, graceMs, done) {
      calls.push(`stop ${instance} ${graceMs}`);
      stops.push(done);
    },
    list(done) {
      calls.push("list");
      done(this.found);
    },
    adopt(instance, leaseUntilMs, done) {
      calls.push(`adopt ${instance}`);
      leases.push(leaseUntilMs);
      adopts.push(done);
    },
    extendLease(instances, leaseUntilMs) {
      calls.push(`lease ${instances.join("+")} ${leaseUntilMs}`);
    },
    onEvent(listen) {
      listener = listen;
    },
    readLogs: () => ({ cancel: () => {} }),
    answerStart: (result) => oldest(starts, "start")(result),
    answerAdopt: (result) => oldest(adopts, "adopt")(result),
    answerStop: (result) => oldest(stops, "stop")(result),
    answerTurn: (result = { ok: true }) => oldest(turns, "turn")(result),
    answerCheckpoint: (result) => oldest(checkpoints, "checkpoint")(result),
    answerDrop: (result = { ok: true }) => oldest(drops, "drop")(result),
    answerMigrate: (result) => oldest(migrations, "migration")(result),
    emit: (event) => listener(event),
  };
}
