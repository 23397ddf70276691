/**
 * Frames of one link on their way in: from bytes to envelopes. The counterpart of the link writer.
 *
 * A frame is read to its end before anything of it is delivered. What is wrong with a frame ends the link; what is wrong
 * with one message, that this node could step over, loses that message.
 */
import type { Address } from "../../runtime/ports/address.ts";
import type { Envelope, EnvelopeDropReason } from "../../runtime/ports/remoting.ts";
import { FRAME_TAGS, PATH_LENGTH_MAX, PathAddresses, Reassembly, type LargeMessage, type Refusal } from "../index.ts";
import { Malformed } from "./msgpack-reader.ts";
import { Unpacker, type UnpackerOptions } from "./unpacker.ts";

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
      this.#unpacker.open(bytes);
      const elements = this.#unpacker.array();
      const tag = elements === 0 ? 0 : this.#unpacker.uint();
      const refusal = this.#readBody(tag, elements - 1, { envelopes, lost });
      if (refusal !== undefined) return { ok: false, refusal };
    } catch (error) {
      return malformed(error instanceof Malformed ? error.message : String(error));
    }
    return { ok: true, received: { envelopes, lost } };
  }

  #readBody(tag: number, elements: number, into: Collected): Refusal | undefined {
    switch (tag) {
      case FRAME_TAGS.messages:
        this.#readMessages(elements, 3, into);
        break;
      case FRAME_TAGS.traced:
        this.#readMessages(elements, 4, into);
        break;
      case FRAME_TAGS.envelopes:
        this.#readEnvelopes(elements, into);
        break;
      case FRAME_TAGS.large:
        this.#readLarge(elements);
        break;
      case FRAME_TAGS.chunk:
        this.#readChunk(elements, into);
        break;
      case FRAME_TAGS.hello:
      case FRAME_TAGS.challenge:
      case FRAME_TAGS.proof:
      case FRAME_TAGS.welcome:
        return { code: "unexpected-frame", detail: "a greeting on a link" };
      default:
        return { code: "unknown-frame", detail: `its tag is ${tag}` };
    }
    return undefined;
  }

  /** With four elements each, the last one is the cause. */
  #readMessages(elements: number, each: 3 | 4, into: Collected): void {
    if (elements === 0 || elements % each !== 0) throw new Malformed(`not ${each} elements a message`);
    for (let i = 0; i < elements; i += each) {
      const message = this.#unpacker.value();
      const { unreadable } = this.#unpacker;
      const to = this.#path(this.#to);
      const from = this.#path(this.#from);
      const envelope = each === 3 ? { from, to, message } : { from, to, message, cause: this.#unpacker.text() };
      this.#collect(envelope, unreadable, into);
    }
    this.#unpacker.finish();
  }

  #readEnvelopes(elements: number, into: Collected): void {
    if (elements === 0) throw new Malformed("no envelope");
    for (let i = 0; i < elements; i++) {
      if (this.#unpacker.array() !== 3) throw new Malformed(`envelope ${i + 1}: not three elements`);
      const to = this.#to.unnumbered(checkPath(this.#unpacker.text()));
      const from = this.#from.unnumbered(checkPath(this.#unpacker.text()));
      const message = this.#unpacker.value();
      this.#collect({ from, to, message }, this.#unpacker.unreadable, into);
    }
    this.#unpacker.finish();
  }

  #readLarge(elements: number): void {
    if (elements !== 4) throw new Malformed("a large message has four elements");
    const id = this.#unpacker.uint();
    const to = this.#to.unnumbered(checkPath(this.#unpacker.text()));
    const from = this.#from.unnumbered(checkPath(this.#unpacker.text()));
    const length = this.#unpacker.uint();
    this.#unpacker.finish();
    if (to.path === "") throw new Malformed("no path to");
    const detail = this.#reassembly.begin({ id, to, from, length });
    if (detail !== undefined) throw new Malformed(detail);
  }

  #readChunk(elements: number, into: Collected): void {
    if (elements !== 2) throw new Malformed("a chunk has two elements");
    const id = this.#unpacker.uint();
    const chunk = this.#unpacker.binary();
    this.#unpacker.finish();
    const assembled = this.#reassembly.add(id, chunk);
    switch (assembled.type) {
      case "incomplete":
        return;
      case "complete":
        this.#readAssembled(assembled.message, assembled.bytes, into);
        return;
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

  #readAssembled({ from, to }: LargeMessage, bytes: Uint8Array, into: Collected): void {
    this.#unpacker.open(bytes);
    const message = this.#unpacker.value();
    this.#unpacker.finish();
    this.#collect({ from, to, message }, this.#unpacker.unreadable, into);
  }

  #collect(envelope: Envelope, unreadable: string | null, into: Collected): void {
    if (envelope.to.path === "") throw new Malformed("no path to");
    if (unreadable === null) into.envelopes.push(envelope);
    else into.lost.push({ envelope: { ...envelope, message: undefined }, reason: "unreadable", detail: unreadable });
  }

  #path(addresses: PathAddresses): Address {
    const unpacker = this.#unpacker;
    switch (unpacker.kind()) {
      case "text":
        return addresses.unnumbered(checkPath(unpacker.text()));
      case "array": {
        if (unpacker.array() !== 2) throw new Malformed("a path is not defined by two elements");
        const slot = unpacker.uint();
        const address = addresses.define(slot, checkPath(unpacker.text()));
        if (address === undefined) throw new Malformed(`path ${slot} is not the next one`);
        return address;
      }
      default: {
        const slot = unpacker.uint();
        const address = addresses.at(slot);
        if (address === undefined) throw new Malformed(`path ${slot} was never defined`);
        return address;
      }
    }
  }
}

interface Collected {
  readonly envelopes: Envelope[];
  readonly lost: LostEnvelope[];
}

function checkPath(path: string): string {
  if (path.length > PATH_LENGTH_MAX) throw new Malformed(`a path of ${path.length} characters`);
  return path;
}

function malformed(detail: string): ReadFrame {
  return { ok: false, refusal: { code: "malformed-frame", detail } };
}
