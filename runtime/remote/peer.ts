/**
 * A node that this one is linked to, as long as the link lasts: the channels to its actors.
 *
 * Refs come and go with messages, so channels that nobody uses must not gather, and nothing says when a ref is dropped.
 * Past `CHANNELS_MAX` each new channel makes room by the clock algorithm (second chance): those not used since the hand's
 * last round go, when they are quiet. One that is not is asked to become so by a report; a peer that answers none does not fill
 * this node's memory, see `CHANNELS_OVERSHOOT`. A ref whose channel was dropped brings it back when it is used.
 */
import type { DeadLetterReason } from "../inspection.ts";
import { Channel, type ChannelOwner } from "./channel.ts";
import { CHANNELS_MAX, CHANNELS_OVERSHOOT } from "./window.ts";

/** Channels looked at to make room for one: as many as become candidates again, and then some. */
const LOOKED_AT_MAX = 8;

export interface PeerOptions {
  readonly owner: ChannelOwner;
  readonly epoch: number;
  /** See `LinkEvent`. Default: true. */
  readonly hearsKernels?: boolean;
  /** Default: `CHANNELS_MAX`. */
  readonly channelsMax?: number;
}

export class Peer {
  readonly node: string;
  /** Tells this link from every other that the node had. */
  readonly epoch: number;
  /** Whether there is somebody to grant credit; if not, all channels are free. */
  readonly hearsKernels: boolean;
  readonly #owner: ChannelOwner;
  readonly #channelsMax: number;
  /** In the order of the hand: the next to look at first. */
  readonly #channels = new Map<string, Channel>();
  /** Where new channels start to count: above all that dropped ones may still be granted. */
  #start = 0;

  constructor(node: string, options: PeerOptions) {
    this.node = node;
    this.epoch = options.epoch;
    this.hearsKernels = options.hearsKernels ?? true;
    this.#owner = options.owner;
    this.#channelsMax = options.channelsMax ?? CHANNELS_MAX;
  }

  get size(): number {
    return this.#channels.size;
  }

  find(path: string): Channel | undefined {
    return this.#channels.get(path);
  }

  channel(path: string): Channel {
    return this.#channels.get(path) ?? this.adopt(new Channel(this.#owner, { node: this.node, path }));
  }

  /** Takes a channel in that was dropped, or is new. Only when there is none of its path. */
  adopt(channel: Channel): Channel {
    if (this.#channels.size >= this.#channelsMax) this.#makeRoom();
    channel.used = true;
    channel.open(this.#start);
    if (!this.hearsKernels) channel.credit(null);
    this.#channels.set(channel.ref.path, channel);
    return channel;
  }

  /** The link is gone: no channel is any more, and what waits in them is lost. */
  close(reason: DeadLetterReason): void {
    const channels = [...this.#channels.values()];
    this.#channels.clear();
    for (const channel of channels) channel.close(reason);
  }

  #makeRoom(): void {
    let looks = LOOKED_AT_MAX;
    const isFlooded = this.#channels.size >= CHANNELS_OVERSHOOT * this.#channelsMax;
    for (const [path, channel] of this.#channels) {
      if (looks-- === 0) return;
      this.#channels.delete(path);
      if (isFlooded ? channel.depth === 0 : !channel.used && channel.isQuiet) {
        this.#start = Math.max(this.#start, channel.successorStart);
        channel.close("no-credit");
        if (this.#channels.size < this.#channelsMax) return;
      } else {
        if (!channel.used) channel.report();
        channel.used = false;
        this.#channels.set(path, channel);
      }
    }
  }
}
