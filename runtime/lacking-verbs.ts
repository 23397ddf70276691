/**
 * The verbs of a driver that cannot do all of them: what it lacks is refused by name, before anything moves, in the same words by every
 * driver. The port's rule holds for refusals too: no answer during the call.
 */
import type { GuestStream, StreamRequest } from "./ports/guest-streams.ts";
import type { GuestVerb, GuestVerbs, VerbRefusal } from "./ports/guest-verbs.ts";

export interface LackingVerbs {
  readonly driver: string;
  readonly lacks: Readonly<Partial<Record<GuestVerb, string>>>;
  /** What the driver does; asked only for verbs that it does not lack. */
  readonly own: Partial<GuestVerbs>;
  /** Runs later, and not at all when the process has ended by then. */
  readonly later: (run: () => void) => void;
}

/** @throws {TypeError} from the call of a verb that is neither lacked nor there: the driver contradicts itself. */
export function lackingVerbs({ driver, lacks, own, later }: LackingVerbs): GuestVerbs {
  function lacked(verb: GuestVerb, instance: string, done: (result: VerbRefusal) => void): boolean {
    const why = lacks[verb];
    if (why === undefined) return false;
    const message = `Cannot ${WORDS[verb]} instance "${instance}": the driver "${driver}" lacks it (${why})`;
    later(() => done({ ok: false, code: "unsupported", message }));
    return true;
  }
  function must<Verb extends keyof GuestVerbs>(verb: Verb): GuestVerbs[Verb] {
    const found = own[verb];
    if (found === undefined) throw new TypeError(`driver "${driver}" neither does nor lacks "${verb}"`);
    return found.bind(own) as GuestVerbs[Verb];
  }
  return {
    pause: (instance, done) => void (lacked("pause", instance, done) || must("pause")(instance, done)),
    resume: (instance, done) => void (lacked("pause", instance, done) || must("resume")(instance, done)),
    checkpoint: (request, done) =>
      void (lacked("checkpoint", request.instance, done) || must("checkpoint")(request, done)),
    dropCheckpoint: (id, done) =>
      // What nobody can make is not there.
      lacks.checkpoint === undefined ? must("dropCheckpoint")(id, done) : later(() => done({ ok: true })),
    ...(lacks.checkpoint === undefined && own.checkCheckpoint !== undefined
      ? { checkCheckpoint: own.checkCheckpoint.bind(own) }
      : {}),
    migrate: (request, done) => void (lacked("migrate", request.instance, done) || must("migrate")(request, done)),
    cancelMigration: (instance) => (lacks.migrate === undefined ? must("cancelMigration")(instance) : undefined),
    setBalloon: (instance, memoryMiB, done) =>
      void (lacked("balloon", instance, done) || must("setBalloon")(instance, memoryMiB, done)),
    readMetrics: (instance, done) => void (lacked("metrics", instance, done) || must("readMetrics")(instance, done)),
    openStream: (request, listener) =>
      lacked(STREAM_VERBS[request.type], request.instance, (refusal) => listener.onEnd(refusal))
        ? NO_STREAM
        : must("openStream")(request, listener),
  };
}

const STREAM_VERBS: Readonly<Record<StreamRequest["type"], GuestVerb>> = {
  exec: "exec",
  put: "copy",
  get: "copy",
  console: "console",
};

/** A stream that was refused: nothing goes through it. */
export const NO_STREAM: GuestStream = {
  send: () => undefined,
  finish: () => undefined,
  grant: () => undefined,
  resize: () => undefined,
  signal: () => undefined,
  cancel: () => undefined,
};

const WORDS: Readonly<Record<GuestVerb, string>> = {
  pause: "pause or resume",
  checkpoint: "checkpoint",
  migrate: "migrate",
  balloon: "set the balloon of",
  metrics: "read the metrics of",
  exec: "run a command in",
  copy: "copy files from or to",
  console: "open the console of",
};
