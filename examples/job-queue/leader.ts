/**
 * The leader of the queue, a singleton: takes jobs, keeps them on the shelf, and has them worked on.
 *
 *     loading ──loaded──▶ leading: submit ─▶ saved ─▶ accepted, given to a worker ─▶ worked ─▶ saved
 *
 * It knows what it loaded and what happened since, as only one may lead at a time. A job is accepted, and given away, once it is on the shelf; it
 * is worked on at least once, since a worker or its answer may be lost.
 */
import { fenced, type Address, type Behavior, type Context, type Ref, type Tenure } from "../../library/index.ts";
import {
  RETRY_MS,
  type Accepted,
  type Jobs,
  type LeaderMessage,
  type ShelfCommand,
  type WorkerMessage,
} from "./messages.ts";

interface Leading {
  /** Null: it is being loaded. */
  readonly jobs: Jobs | null;
  /** Of `jobs`, and of what is on the shelf for sure. */
  readonly version: number;
  readonly saved: number;
  /** Who is told, once that version is saved. */
  readonly submitted: readonly { readonly version: number; readonly job: string; readonly replyTo: Ref<Accepted> }[];
  /** Counts what was given to workers, so that each gets its turn. */
  readonly turn: number;
}

export interface LeaderOptions {
  readonly tenure: Tenure;
  /** Where the shelf is. */
  readonly shelf: Address;
  /** Nodes with a worker. */
  readonly workers: readonly string[];
}

type Ctx = Context<LeaderMessage>;

export function leader({ tenure, shelf, workers }: LeaderOptions): Behavior<Leading, LeaderMessage> {
  return {
    name: "leader",
    init: (ctx) => {
      tellShelf(ctx, (fence) => ({ type: "load", fence, replyTo: ctx.self }));
      ctx.setTimer("retry", RETRY_MS, { type: "retry" });
      return { jobs: null, version: 0, saved: 0, submitted: [], turn: 0 };
    },
    receive: (state, message, ctx) => {
      switch (message.type) {
        case "loaded":
          return state.jobs === null ? giveOut({ ...state, jobs: message.jobs }, ctx) : state;
        case "submit": {
          // Whoever submits it asks again.
          if (state.jobs === null) return state;
          const { job, replyTo } = message;
          const jobs: Jobs = { ...state.jobs, [job]: state.jobs[job] ?? "waiting" };
          const version = state.version + 1;
          return save({ ...state, jobs, version, submitted: [...state.submitted, { version, job, replyTo }] }, ctx);
        }
        case "saved": {
          const saved = Math.max(state.saved, Math.min(message.version, state.version));
          const isSaved = ({ version }: { readonly version: number }): boolean => version <= saved;
          for (const { job, replyTo } of state.submitted.filter(isSaved)) ctx.tell(replyTo, { job });
          const submitted = state.submitted.filter((one) => !isSaved(one));
          return saved === state.saved ? state : giveOut({ ...state, saved, submitted }, ctx);
        }
        case "worked": {
          const { jobs, version } = state;
          if (jobs?.[message.job] !== "waiting") return state;
          return save({ ...state, jobs: { ...jobs, [message.job]: "done" }, version: version + 1 }, ctx);
        }
        case "retry":
          ctx.setTimer("retry", RETRY_MS, { type: "retry" });
          if (state.jobs === null) tellShelf(ctx, (fence) => ({ type: "load", fence, replyTo: ctx.self }));
          return state.saved < state.version ? save(state, ctx) : giveOut(state, ctx);
        default:
          return message satisfies never;
      }
    },
  };

  function save(state: Leading, ctx: Ctx): Leading {
    const { jobs, version } = state;
    if (jobs !== null) tellShelf(ctx, (fence) => ({ type: "save", fence, version, jobs, replyTo: ctx.self }));
    return state;
  }

  /** Every job that waits and is on the shelf, to the next worker. */
  function giveOut(state: Leading, ctx: Ctx): Leading {
    if (state.saved < state.version) return state;
    let { turn } = state;
    for (const [job, step] of Object.entries(state.jobs ?? {})) {
      if (step === "done") continue;
      const node = workers[turn++ % workers.length] ?? "";
      ctx.tell(ctx.refAt<WorkerMessage>({ node, path: "worker" }), { job, replyTo: ctx.self });
    }
    return { ...state, turn };
  }

  function tellShelf(ctx: Ctx, make: (fence: number) => ShelfCommand): void {
    fenced(tenure, ctx.now(), (fence) => ctx.tell(ctx.refAt<ShelfCommand>(shelf), make(fence)));
  }
}
