/**
 * Reads a tar archive as it comes, a piece at a time, and hands on what is in it. What a guest sends is anything: whatever is not understood is refused with the
 * name of the entry, names and records are bounded, and an archive without its end is none.
 */
import { BLOCK, decodeHead, type RawHead, type TarEntry, type TarKind } from "./tar-header.ts";

/** Takes what is in an archive, in order; the next call comes when the one before has been kept. */
export interface TarSink {
  begin(entry: TarEntry): Promise<void>;
  /** Bytes of the file that has begun. */
  take(bytes: Uint8Array): Promise<void>;
  /** All of the entry has come. */
  finish(): Promise<void>;
}

/** Why an archive is not read on, as half a sentence: `entry "a/b" is a device`. */
export class TarRefusal extends Error {}

/** Of a name or a record: Linux has no longer paths. */
const META_BYTES_MAX = 65_536;

const KINDS: Readonly<Record<string, TarKind>> = {
  ...{ "0": "file", "\0": "file", "7": "file", "1": "hardlink", "2": "symlink", "5": "folder" },
};
const UNUSUAL: Readonly<Record<string, string>> = {
  ...{ "3": "a device", "4": "a device", "6": "a named pipe", S: "a file with holes" },
};

/** What entries before one say of it. */
interface Said {
  readonly path?: Buffer;
  readonly target?: Buffer;
  readonly sizeBytes?: number;
}

export class TarReader {
  readonly #sink: TarSink;
  /** Of a head that has not come whole. */
  #head: Buffer = Buffer.alloc(0);
  /** Bytes of the body that are to come, and of the zeros behind it. */
  #body = 0;
  #zeros = 0;
  /** Of a name or record: its type and what has come. Null: the body is a file's. */
  #meta: { readonly type: string; readonly parts: Buffer[] } | null = null;
  #said: Said = {};
  #over = false;

  constructor(sink: TarSink) {
    this.#sink = sink;
  }

  /** @throws {TarRefusal} */
  async read(bytes: Uint8Array): Promise<void> {
    let rest = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    while (rest.length > 0 && !this.#over) {
      if (this.#body > 0) {
        const part = rest.subarray(0, this.#body);
        rest = rest.subarray(part.length);
        this.#body -= part.length;
        if (this.#meta === null) await this.#sink.take(part);
        else this.#meta.parts.push(Buffer.from(part));
        if (this.#body === 0) await this.#bodyOver();
      } else if (this.#zeros > 0) {
        const skipped = Math.min(this.#zeros, rest.length);
        this.#zeros -= skipped;
        rest = rest.subarray(skipped);
      } else {
        const part = rest.subarray(0, BLOCK - this.#head.length);
        rest = rest.subarray(part.length);
        this.#head = Buffer.concat([this.#head, part]);
        if (this.#head.length < BLOCK) return;
        const block = this.#head;
        this.#head = Buffer.alloc(0);
        await this.#begin(block);
      }
    }
  }

  /** @throws {TarRefusal} when its end has not come. */
  end(): void {
    if (!this.#over) throw new TarRefusal("it broke off");
  }

  async #begin(block: Buffer): Promise<void> {
    if (block.every((byte) => byte === 0)) {
      this.#over = true;
      return;
    }
    const head = decodeHead(block);
    if (head === null) throw new TarRefusal("what comes is no archive of tar");
    if (head.type === "L" || head.type === "K" || head.type === "x" || head.type === "g") {
      if (head.sizeBytes > META_BYTES_MAX) throw new TarRefusal(`a name of ${head.sizeBytes} bytes`);
      this.#meta = { type: head.type, parts: [] };
      this.#expect(head.sizeBytes);
    } else {
      const entry = entryOf(head, this.#said);
      this.#said = {};
      this.#meta = null;
      await this.#sink.begin(entry);
      this.#expect(entry.sizeBytes);
    }
    if (this.#body === 0) await this.#bodyOver();
  }

  #expect(sizeBytes: number): void {
    this.#body = sizeBytes;
    this.#zeros = (BLOCK - (sizeBytes % BLOCK)) % BLOCK;
  }

  async #bodyOver(): Promise<void> {
    const meta = this.#meta;
    if (meta === null) return this.#sink.finish();
    this.#meta = null;
    const body = Buffer.concat(meta.parts);
    const name = body.subarray(0, body.includes(0) ? body.indexOf(0) : body.length);
    if (meta.type === "L") this.#said = { ...this.#said, path: name };
    else if (meta.type === "K") this.#said = { ...this.#said, target: name };
    else if (meta.type === "x") this.#said = { ...this.#said, ...recordsOf(body) };
  }
}

function entryOf(head: RawHead, said: Said): TarEntry {
  const path = textOf(said.path ?? head.name);
  const kind = KINDS[head.type];
  if (kind === undefined) {
    const what = UNUSUAL[head.type] ?? `of the unknown type ${JSON.stringify(head.type)}`;
    throw new TarRefusal(`"${path}" in it is ${what}`);
  }
  // As it was written before there were folders in archives.
  const isFolder = kind === "folder" || (kind === "file" && path.endsWith("/"));
  return {
    kind: isFolder ? "folder" : kind,
    path,
    mode: head.mode,
    sizeBytes: kind === "file" && !isFolder ? (said.sizeBytes ?? head.sizeBytes) : 0,
    mtimeS: head.mtimeS,
    target: textOf(said.target ?? head.target),
  };
}

/** `25 path=a/b\n`, one behind the other. */
function recordsOf(body: Buffer): Said {
  const values = new Map<string, Buffer>();
  for (let at = 0; at < body.length;) {
    const blank = body.indexOf(0x20, at);
    const length = Number(body.toString("latin1", at, Math.max(at, blank)));
    const record = body.subarray(blank + 1, at + length - 1);
    const equals = record.indexOf(0x3d);
    if (blank < 0 || !Number.isSafeInteger(length) || length < blank - at + 3 || equals < 1) {
      throw new TarRefusal("a pax record in it is damaged");
    }
    const key = record.toString("utf8", 0, equals);
    if (key.startsWith("GNU.sparse.")) throw new TarRefusal("a file in it has holes");
    values.set(key, record.subarray(equals + 1));
    at += length;
  }
  const [path, target, size] = ["path", "linkpath", "size"].map((key) => values.get(key));
  return {
    ...(path && { path }),
    ...(target && { target }),
    ...(size && { sizeBytes: sizeOf(size.toString("latin1")) }),
  };
}

function sizeOf(text: string): number {
  const size = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(size)) return size;
  throw new TarRefusal(`"${text.slice(0, 40)}" in it is no size`);
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new TarRefusal(`the name ${JSON.stringify(bytes.toString("latin1"))} in it is no UTF-8`);
  }
}
