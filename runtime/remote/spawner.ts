/**
 * Remote spawn: code does not travel, so a node spawns for others what was registered on it by name.
 *
 *     spawnOn(ctx, { node, behavior, args }) ~~ ask ~~▶ actor `spawner` there ──▶ registered? args accepted? name free? ──▶ child
 *
 * Spawned actors are children of the spawner: supervised by the options of their registration, ended with it. Nothing ties
 * them to whoever asked; watch them, or tell them whom to watch. As every ask, one that ends with `timeout` or `node-down` may
 * have been carried out: with a `name` of its own, the second attempt is refused as `name-taken`.
 */
import type { Behavior } from "../behavior.ts";
import { NAME } from "../check-spawn.ts";
import type { AskFailure, AskResult } from "../ask-result.ts";
import type { Context, SpawnOptions } from "../context.ts";
import type { Ref } from "../ref.ts";

/** The path of every node's spawner. */
export const SPAWNER_PATH = "spawner";

/** How to spawn the spawner. A child that escalates costs its own life only. */
export const SPAWNER_SPAWN_OPTIONS: SpawnOptions = { name: SPAWNER_PATH, supervision: { onCrash: "resume" } };

/** Actors that others may have spawned on one node at a time; past it they are refused, `too-many`. */
export const SPAWNED_MAX = 10_000;

/** A behaviour of whatever state and messages. */
export interface AnyBehavior {
  readonly name: string;
  init(ctx: never): unknown;
  receive(state: never, message: never, ctx: never): unknown;
}

/** What other nodes may spawn under one name. */
export interface Spawnable<Args> {
  /** Whether `args`, which come from another node, are what `make` takes. */
  accepts(args: unknown): args is Args;
  make(args: Args): AnyBehavior;
  /** How it is spawned: supervision, mailbox. Default: the kernel's. */
  readonly options?: Omit<SpawnOptions, "name">;
}

/** What a spawner is asked for. */
export interface SpawnRequest {
  readonly type: "spawn";
  /** The name that it is registered under. */
  readonly behavior: string;
  readonly args: unknown;
  /** Null: named after the behaviour, with a counter. */
  readonly name: string | null;
  readonly replyTo: Ref<SpawnReply>;
}

/** What a spawner answers. */
export type SpawnReply =
  | { readonly ok: true; readonly ref: Ref<never> }
  | { readonly ok: false; readonly code: SpawnRefusal; readonly message: string };

/** Why a spawner spawned nothing. */
export type SpawnRefusal =
  /** Nothing is registered there under that name. */
  | "unknown-behavior"
  /** `accepts` of its registration said no, or `make` threw. */
  | "bad-arguments"
  /** A name is up to 128 letters, digits, `-`, `_` and `.`. */
  | "bad-name"
  | "name-taken"
  /** `SPAWNED_MAX` are there already, or as many as the spawner was told. */
  | "too-many";

/** Whom a spawner has spawned. */
interface Spawner {
  /** Paths of those that live. */
  readonly spawned: Set<string>;
}

/** What other nodes may spawn here. */
export interface SpawnerOptions {
  /** Default: `SPAWNED_MAX`. */
  readonly spawnedMax?: number;
}

/** The behaviour of the top-level actor that spawns for other nodes; spawn it with `SPAWNER_SPAWN_OPTIONS`. */
export function spawnerActor<Args extends Readonly<Record<string, unknown>>>(
  registered: { readonly [Name in keyof Args]: Spawnable<Args[Name]> },
  { spawnedMax = SPAWNED_MAX }: SpawnerOptions = {},
): Behavior<Spawner, SpawnRequest> {
  const byName = new Map<string, Spawnable<never>>(Object.entries(registered));
  return {
    name: "spawner",
    init: () => ({ spawned: new Set() }),
    accepts: isSpawnRequest,
    receive(state, request, ctx) {
      const reply = spawn({
        spawnable: byName.get(request.behavior),
        isFull: state.spawned.size >= spawnedMax,
        request,
        ctx,
      });
      ctx.tell(request.replyTo, reply);
      if (reply.ok) {
        ctx.watch(reply.ref);
        state.spawned.add(reply.ref.path);
      }
      return state;
    },
    onSignal(state, signal) {
      if (signal.type === "terminated") state.spawned.delete(signal.ref.path);
      return state;
    },
  };
}

function spawn({
  spawnable,
  isFull,
  request,
  ctx,
}: {
  readonly spawnable: Spawnable<never> | undefined;
  readonly isFull: boolean;
  readonly request: SpawnRequest;
  readonly ctx: Context<SpawnRequest>;
}): SpawnReply {
  const { behavior, args, name } = request;
  const refuse = (code: SpawnRefusal, why: string): SpawnReply => {
    return { ok: false, code, message: `Cannot spawn "${name ?? behavior}" on node "${ctx.node}": ${why}` };
  };
  if (spawnable === undefined) return refuse("unknown-behavior", `no behaviour "${behavior}" is registered there`);
  if (name !== null && !NAME.test(name)) return refuse("bad-name", `a name is letters, digits, "-", "_" and "."`);
  if (name !== null && ctx.child(name) !== undefined) return refuse("name-taken", `"${SPAWNER_PATH}/${name}" lives`);
  if (isFull) return refuse("too-many", "it has spawned as many as it may; stop some");
  let made: AnyBehavior;
  try {
    if (!spawnable.accepts(args)) return refuse("bad-arguments", `"${behavior}" does not accept the arguments`);
    made = spawnable.make(args);
  } catch (error) {
    return refuse("bad-arguments", `"${behavior}" cannot be made of them: ${String(error)}`);
  }
  const options = name === null ? spawnable.options : { ...spawnable.options, name };
  try {
    return { ok: true, ref: ctx.spawn(made, options) };
  } catch (error) {
    // A name with a counter that somebody chose by hand.
    return refuse("name-taken", String(error));
  }
}

function isSpawnRequest(message: unknown): message is SpawnRequest {
  if (typeof message !== "object" || message === null) return false;
  const { type, behavior, name, replyTo } = message as Readonly<Record<string, unknown>>;
  return (
    type === "spawn" && typeof behavior === "string" && (name === null || typeof name === "string") && isRef(replyTo)
  );
}

function isRef(value: unknown): boolean {
  return typeof value === "object" && value !== null && "node" in value && "path" in value;
}

/** What came of `spawnOn`: a ref, or who refused and why; `message` is for people. */
export type SpawnResult<Message> =
  | { readonly ok: true; readonly ref: Ref<Message> }
  | { readonly ok: false; readonly code: SpawnRefusal | AskFailure; readonly message: string };

/** What is to be spawned on which node, and how the answer becomes a message. */
export interface SpawnOnRequest<Spawned, Message> {
  readonly node: string;
  /** The name that it is registered under there. */
  readonly behavior: string;
  /** Must be what its registration accepts, and what a transport carries. */
  readonly args: unknown;
  /** Unique among all that the node has spawned for others. Default: named after the behaviour, with a counter. */
  readonly name?: string;
  readonly timeoutMs: number;
  /** Makes the message that tells this actor of it. Called once, not at all after a stop or restart. */
  adapt(result: SpawnResult<Spawned>): Message;
}

/**
 * Spawns a registered behaviour on any node, this one too, and turns the outcome into a message to the actor of `ctx`.
 *
 * `Spawned` is the caller's word for what the spawned actor takes: its `accepts` is what checks it. `no-recipient`: no
 * spawner runs there.
 */
export function spawnOn<Spawned, Message>(ctx: Context<Message>, request: SpawnOnRequest<Spawned, Message>): void {
  const { node, behavior, args, name = null, timeoutMs } = request;
  const failed = (code: AskFailure): SpawnResult<Spawned> => {
    const why = code === "no-recipient" ? `no actor "${SPAWNER_PATH}" runs there` : `no answer (${code})`;
    return { ok: false, code, message: `Cannot spawn "${name ?? behavior}" on node "${node}": ${why}` };
  };
  ctx.ask<SpawnRequest, SpawnReply>(ctx.refAt({ node, path: SPAWNER_PATH }), {
    make: (replyTo) => ({ type: "spawn", behavior, args, name, replyTo }),
    timeoutMs,
    adapt: (result: AskResult<SpawnReply>) => request.adapt(result.ok ? resultOf(result.answer) : failed(result.code)),
  });
}

function resultOf<Spawned>(reply: SpawnReply): SpawnResult<Spawned> {
  return reply.ok ? { ok: true, ref: reply.ref as Ref<Spawned> } : reply;
}
