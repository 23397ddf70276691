/**
 * The lease keeper: ends the lease of a node that was silent for longer than `LeaseRule` says. Runs on every node, so that
 * a new leader knows from its own clock how long each node has been silent; proposes only while its node leads.
 *
 * When that is, `LeaseDeadlines` counts, from when this replica applied a renewal. Whether a proposal still holds is decided
 * at apply, by epoch and renewal; a deposed leader can therefore do no harm here (proof in `../cluster/lease.ts`).
 */
import type { Behavior, Context, Ref } from "../../runtime/index.ts";
import type { LeaseRule } from "../cluster/lease.ts";
import { LeaseDeadlines } from "../cluster/lease-deadlines.ts";
import { propose } from "../cluster/propose.ts";
import type { ReplicaRequest, WatchMessage } from "../cluster/replica-protocol.ts";
import type { Node, Resource } from "../resources/index.ts";

export interface LeaseKeeperOptions {
  readonly replica: Ref<ReplicaRequest>;
  readonly rule: LeaseRule;
  /** Is told of each start of the keeper, and tells it then and later whether it leads. */
  readonly leader: Ref<LeaseKeeperStarted>;
}

export interface LeaseKeeperStarted {
  readonly type: "lease-keeper-started";
}

export type LeaseKeeperMessage =
  | WatchMessage
  /** Whether this node leads from now on. */
  | { readonly type: "lead"; readonly leading: boolean }
  /** The deadline of a lease, or time to propose its end again. */
  | { readonly type: "lease-due"; readonly node: string }
  | { readonly type: "expire-answered"; readonly node: string; readonly carriedOut: boolean };

const PROPOSE_MS = 1000;

export function leaseKeeperActor(options: LeaseKeeperOptions): Behavior<LeaseKeeper, LeaseKeeperMessage> {
  return {
    name: "lease-keeper",
    init: (ctx) => new LeaseKeeper(options, ctx),
    receive: (keeper, message) => {
      keeper.handle(message);
      return keeper;
    },
  };
}

class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #ctx: Context<LeaseKeeperMessage>;
  readonly #deadlines: LeaseDeadlines<LeaseKeeperMessage>;

  constructor(options: LeaseKeeperOptions, ctx: Context<LeaseKeeperMessage>) {
    this.#options = options;
    this.#ctx = ctx;
    const due = (node: string): LeaseKeeperMessage => ({ type: "lease-due", node });
    this.#deadlines = new LeaseDeadlines({ ctx, rule: options.rule, due });
    this.#subscribe();
    ctx.tell(options.leader, { type: "lease-keeper-started" });
  }

  handle(message: LeaseKeeperMessage): void {
    switch (message.type) {
      case "synced":
        this.#onSynced(message.resources);
        return;
      case "changes":
        for (const { type, resource } of message.changes) {
          if (resource.kind !== "Node") continue;
          if (type === "delete") this.#deadlines.forget(resource.metadata.name);
          else this.#see(resource);
        }
        return;
      case "compacted":
        this.#subscribe();
        return;
      case "lead":
        this.#deadlines.lead(message.leading);
        return;
      case "lease-due":
        this.#expire(message.node);
        return;
      case "expire-answered":
        if (!message.carriedOut) this.#deadlines.retry(message.node);
        return;
      default:
        message satisfies never;
    }
  }

  #subscribe(): void {
    const { replica } = this.#options;
    this.#ctx.tell(replica, { type: "subscribe", subscriber: this.#ctx.self, selection: { kinds: ["Node"] } });
  }

  #onSynced(resources: readonly Resource[]): void {
    this.#deadlines.keepOnly(new Set(resources.map(({ metadata }) => metadata.name)));
    for (const resource of resources) if (resource.kind === "Node") this.#see(resource);
  }

  #see({ metadata, status }: Node): void {
    const { phase, epoch, renewedAt } = status;
    if (phase === "Ready") this.#deadlines.see(metadata.name, { epoch, renewedAt });
    else this.#deadlines.forget(metadata.name);
  }

  #expire(node: string): void {
    const lease = this.#deadlines.get(node);
    if (lease === undefined) return;
    const { epoch, renewedAt } = lease;
    propose(this.#ctx, {
      replica: this.#options.replica,
      command: { type: "expire-lease", node, epoch, renewedAt },
      timeoutMs: PROPOSE_MS,
      adapt: (reply): LeaseKeeperMessage => ({
        type: "expire-answered",
        node,
        carriedOut: reply.ok && reply.outcome.ok,
      }),
    });
  }
}
