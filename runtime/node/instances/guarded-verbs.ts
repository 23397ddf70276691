/**
 * The verbs of guarded instances: one at a time an instance, refused by name where its driver lacks them or where it does not run. Only
 * reading waits for nothing, so that a migration can be watched, and neither does its cancel.
 */
import type { GuestStream, StreamListener, StreamRequest } from "../../ports/guest-streams.ts";
import type { GuestMetrics, GuestVerbs, VerbRefusal, VerbResult } from "../../ports/guest-verbs.ts";
import { lackingVerbs, NO_STREAM } from "../../lacking-verbs.ts";
import { type Machine, type MachineDriver, VerbError } from "./machine-driver.ts";
import type { RunTimes } from "./run-times.ts";
import { Turns } from "./turns.ts";

export interface GuardedVerbsOptions {
  readonly driver: MachineDriver;
  /** The instance's machine; undefined when it does not run here. */
  readonly machineOf: (instance: string) => Machine | undefined;
  /** How and since when it runs, and how long it took to boot. */
  readonly timesOf: (instance: string) => Partial<RunTimes> & Pick<GuestMetrics, "origin">;
  readonly dropCheckpoint: (id: string) => Promise<void>;
  readonly isClosed: () => boolean;
}

export function guardedVerbs(options: GuardedVerbsOptions): GuestVerbs {
  const { driver, machineOf, timesOf, dropCheckpoint, isClosed } = options;
  const verbsOf = (instance: string): NonNullable<Machine["verbs"]> => {
    const machine = machineOf(instance);
    if (machine === undefined) throw new VerbError("not-running", "it does not run on this host");
    if (machine.verbs === undefined) throw new VerbError("unsupported", `the driver "${driver.name}" has no verbs`);
    return machine.verbs;
  };
  const turns = new Turns();
  const inTurn =
    <Answer>(instance: string, run: () => Promise<Answer>): (() => Promise<Answer>) =>
    () =>
      turns.take(instance, run);
  /** Answers once, never during the call; not at all when this process lets go of its instances first. */
  function answer<Answer>(
    what: string,
    run: () => Promise<Answer>,
    done: (result: VerbRefusal | { readonly ok: true; readonly answer: Answer }) => void,
  ): void {
    const tell = (result: Parameters<typeof done>[0]): void => {
      setImmediate(() => isClosed() || done(result));
    };
    // During the call, for what can: a guest that has come by a migration is set going before this process does anything else.
    run().then(
      (value) => tell({ ok: true, answer: value }),
      (error: unknown) => tell(refusalOf(error, what)),
    );
  }
  const plain =
    (done: (result: VerbResult) => void) =>
    (result: VerbRefusal | { readonly ok: true }): void =>
      done(result.ok ? { ok: true } : result);
  /** What is done in turn, and answered by whether it was. */
  const act = (words: string, instance: string, run: () => Promise<void>, done: (result: VerbResult) => void): void =>
    answer(`${words} instance "${instance}"`, inTurn(instance, run), plain(done));

  /** Streams take no turns: any number of them is open at once, and beside any other verb. */
  function openStream(request: StreamRequest, listener: StreamListener): GuestStream {
    const what = `${STREAM_WORDS[request.type]} instance "${request.instance}"`;
    const named: StreamListener = {
      onFile: (sizeBytes, mode) => listener.onFile(sizeBytes, mode),
      onOutput: (channel, bytes) => listener.onOutput(channel, bytes),
      onGrant: (bytes) => listener.onGrant(bytes),
      onEnd: (end) => listener.onEnd(end.ok ? end : { ...end, message: `Cannot ${what}: ${end.message}` }),
    };
    try {
      return must(verbsOf(request.instance), "openStream")(request, named);
    } catch (error) {
      setImmediate(() => isClosed() || listener.onEnd(refusalOf(error, what)));
      return NO_STREAM;
    }
  }

  const own: GuestVerbs = {
    pause: (instance, done) => act("pause", instance, async () => must(verbsOf(instance), "pause")(), done),
    resume: (instance, done) => act("resume", instance, async () => must(verbsOf(instance), "resume")(), done),
    checkpoint: ({ instance, id }, done) =>
      answer(
        `make checkpoint "${id}" of instance "${instance}"`,
        inTurn(instance, async () => must(verbsOf(instance), "checkpoint")(id)),
        (result) => done(result.ok ? { ok: true, manifest: result.answer } : result),
      ),
    dropCheckpoint: (id, done) => answer(`drop checkpoint "${id}"`, async () => dropCheckpoint(id), plain(done)),
    checkCheckpoint: (id, done) =>
      answer(`read checkpoint "${id}"`, async () => driver.checkCheckpoint?.(id), plain(done)),
    migrate: (request, done) =>
      answer(
        `migrate instance "${request.instance}"`,
        inTurn(request.instance, async () => must(verbsOf(request.instance), "migrate")(request)),
        (result) => done(result.ok ? { ok: true, downtimeMs: result.answer } : result),
      ),
    cancelMigration: (instance) => machineOf(instance)?.verbs?.cancelMigration?.(),
    setBalloon: (instance, memoryMiB, done) =>
      act("set the balloon of", instance, async () => must(verbsOf(instance), "setBalloon")(memoryMiB), done),
    readMetrics: (instance, done) =>
      answer(
        `read the metrics of instance "${instance}"`,
        async () => must(verbsOf(instance), "readMetrics")(),
        (result) => done(result.ok ? { ok: true, metrics: { ...result.answer, ...timesOf(instance) } } : result),
      ),
    openStream,
  };
  const { lacks } = driver.capabilities;
  return lackingVerbs({
    driver: driver.name,
    lacks,
    own,
    later: (run) => void setImmediate(() => isClosed() || run()),
  });
}

const STREAM_WORDS: Readonly<Record<StreamRequest["type"], string>> = {
  exec: "run a command in",
  put: "copy a file to",
  get: "copy a file from",
  console: "attach to the console of",
};

function must<Verbs extends object, Verb extends keyof Verbs & string>(
  verbs: Verbs,
  verb: Verb,
): NonNullable<Verbs[Verb]> {
  const found = verbs[verb];
  if (typeof found !== "function") throw new TypeError(`the driver neither does nor lacks "${verb}"`);
  return found.bind(verbs) as NonNullable<Verbs[Verb]>;
}

function refusalOf(error: unknown, what: string): VerbRefusal {
  const code = error instanceof VerbError ? error.code : "failed";
  return { ok: false, code, message: `Cannot ${what}: ${(error as Error).message}` };
}
