/**
 * Frames of one link on their way in: from bytes to envelopes. The counterpart of the link writer.
 *
 * A frame is read to its end before anything of it is delivered. What is wrong with a frame ends the link; what is wrong
 * with one message, that this node could step over, loses that message.
 */
import type { Address } from "../../runtime/ports/address.ts";
import type { Envelope, EnvelopeDropReason } from "../../runtime/ports/remoting.ts";
import { FRAME_TAGS, Malformed, PATH_LENGTH_MAX, PathAddresses, Reassembly, type Refusal } from "../index.ts";
import { Unpacker, Unreadable, type UnpackerOptions } from "./unpacker.ts";

export interface LinkReaderOptions {
  /** The node at the other end, in whose name everything here is sent. */
  readonly from: string;
  /** This node. */
  readonly to: string;
  readonly unpacking: UnpackerOptions;
  readonly messageBytesMax: number;
}

/** What a frame brought, in order. */
export interface Received {
  readonly envelopes: readonly Envelope[];
  readonly lost: readonly LostEnvelope[];
}

export interface LostEnvelope {
  readonly envelope: Envelope;
  readonly reason: EnvelopeDropReason;
  readonly detail: string;
}

export type ReadFrame =
  | { readonly ok: true; readonly received: Received }
  | { readonly ok: false; readonly refusal: Refusal };

export class LinkReader {
  readonly #unpacker: Unpacker;
  readonly #to: PathAddresses;
  readonly #from: PathAddresses;
  readonly #reassembly: Reassembly;

  constructor({ from, to, unpacking, messageBytesMax }: LinkReaderOptions) {
    this.#unpacker = new Unpacker(unpacking);
    this.#to = new PathAddresses(to);
    this.#from = new PathAddresses(from);
    this.#reassembly = new Reassembly(messageBytesMax);
  }

  /** Never throws. */
  read(bytes: Uint8Array): ReadFrame {
    const envelopes: Envelope[] = [];
    const lost: LostEnvelope[] = [];
    try {
      const frame = this.#unpacker.array(bytes);
      const refusal = this.#readFrame(frame, { envelopes, lost });
      if (refusal !== undefined) return { ok: false, refusal };
    } catch (error) {
      return malformed(error instanceof Malformed ? error.message : String(error));
    }
    return { ok: true, received: { envelopes, lost } };
  }

  #readFrame(frame: readonly unknown[], into: Collected): Refusal | undefined {
    const tag = frame[0];
    switch (tag) {
      case FRAME_TAGS.messages:
        this.#readMessages(frame, 3, into);
        break;
      case FRAME_TAGS.traced:
        this.#readMessages(frame, 4, into);
        break;
      case FRAME_TAGS.envelopes:
        this.#readEnvelopes(frame, into);
        break;
      case FRAME_TAGS.large:
        this.#readLarge(frame);
        break;
      case FRAME_TAGS.chunk:
        this.#readChunk(frame, into);
        break;
      case FRAME_TAGS.hello:
      case FRAME_TAGS.challenge:
      case FRAME_TAGS.proof:
      case FRAME_TAGS.welcome:
        return { code: "unexpected-frame", detail: "a greeting on a link" };
      default:
        if (!isUint(tag)) throw new Malformed("a frame begins with its tag");
        return { code: "unknown-frame", detail: `its tag is ${tag}` };
    }
    return undefined;
  }

  /** With four elements each, the last one is the cause. */
  #readMessages(frame: readonly unknown[], each: 3 | 4, into: Collected): void {
    if (frame.length === 1 || frame.length % each !== 1) throw new Malformed(`not ${each} elements a message`);
    for (let i = 1; i < frame.length; i += each) {
      const message = this.#unpacker.resolve(frame[i], true);
      const to = pathOf(this.#to, frame[i + 1]);
      const from = pathOf(this.#from, frame[i + 2]);
      collect(each === 3 ? { from, to, message } : { from, to, message, cause: textOf(frame[i + 3]) }, into);
    }
  }

  #readEnvelopes(frame: readonly unknown[], into: Collected): void {
    if (frame.length === 1) throw new Malformed("no envelope");
    for (let i = 1; i < frame.length; i++) {
      const envelope = frame[i];
      if (envelope instanceof Unreadable) throw new Malformed(`envelope ${i}: ${envelope.detail}`);
      if (!Array.isArray(envelope) || envelope.length !== 3) throw new Malformed(`envelope ${i}: not three elements`);
      const to = this.#to.unnumbered(checkPath(envelope[0]));
      const from = this.#from.unnumbered(checkPath(envelope[1]));
      collect({ from, to, message: this.#unpacker.resolve(envelope[2], false) }, into);
    }
  }

  #readLarge(frame: readonly unknown[]): void {
    if (frame.length !== 5) throw new Malformed("a large message has four elements");
    const [, id, toPath, fromPath, length] = frame;
    if (!isUint(id) || !isUint(length)) throw new Malformed("a number is missing");
    const to = this.#to.unnumbered(checkPath(toPath));
    const from = this.#from.unnumbered(checkPath(fromPath));
    if (to.path === "") throw new Malformed("no path to");
    const detail = this.#reassembly.begin({ id, to, from, length });
    if (detail !== undefined) throw new Malformed(detail);
  }

  #readChunk(frame: readonly unknown[], into: Collected): void {
    const [, id, chunk] = frame;
    if (frame.length !== 3 || !isUint(id) || !(chunk instanceof Uint8Array)) {
      throw new Malformed("a chunk has a number and a binary");
    }
    const assembled = this.#reassembly.add(id, chunk);
    switch (assembled.type) {
      case "incomplete":
        return;
      case "complete": {
        const { from, to } = assembled.message;
        collect({ from, to, message: this.#unpacker.value(assembled.bytes) }, into);
        return;
      }
      case "too-large": {
        const { message, detail } = assembled;
        const envelope: Envelope = { from: message.from, to: message.to, message: undefined };
        into.lost.push({ envelope, reason: "too-large", detail });
        return;
      }
      case "malformed":
        throw new Malformed(assembled.detail);
      default:
        assembled satisfies never;
    }
  }
}

interface Collected {
  readonly envelopes: Envelope[];
  readonly lost: LostEnvelope[];
}

function collect(envelope: Envelope, into: Collected): void {
  const { to, message } = envelope;
  if (to.path === "") throw new Malformed("no path to");
  if (!(message instanceof Unreadable)) into.envelopes.push(envelope);
  else into.lost.push({ envelope: { ...envelope, message: undefined }, reason: "unreadable", detail: message.detail });
}

/** A text, a slot, or an array of both, which defines the slot. */
function pathOf(addresses: PathAddresses, wire: unknown): Address {
  if (typeof wire === "number") {
    const address = addresses.at(wire);
    if (address === undefined) throw new Malformed(`path ${wire} was never defined`);
    return address;
  }
  if (!Array.isArray(wire)) return addresses.unnumbered(checkPath(wire));
  const [slot, path] = wire as readonly unknown[];
  if (wire.length !== 2 || !isUint(slot)) throw new Malformed("a path is not defined by two elements");
  const address = addresses.define(slot, checkPath(path));
  if (address === undefined) throw new Malformed(`path ${slot} is not the next one`);
  return address;
}

function checkPath(wire: unknown): string {
  const path = textOf(wire);
  if (path.length > PATH_LENGTH_MAX) throw new Malformed(`a path of ${path.length} characters`);
  return path;
}

function textOf(wire: unknown): string {
  if (typeof wire !== "string") throw new Malformed("a text is missing");
  return wire;
}

/** A whole number of 32 bits, not negative. */
function isUint(wire: unknown): wire is number {
  return typeof wire === "number" && wire >>> 0 === wire;
}

function malformed(detail: string): ReadFrame {
  return { ok: false, refusal: { code: "malformed-frame", detail } };
}
