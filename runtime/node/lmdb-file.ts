/**
 * Reads an LMDB file without LMDB, trusting nothing in it.
 *
 * LMDB maps its file and follows the page numbers in it: a damaged file ends the process by SIGSEGV or SIGBUS, or gives
 * wrong pages away to be overwritten. So before LMDB may open a file, this walks all of it by plain reads: both meta pages,
 * the tree of records, the tree of free pages; each page must say its own number, be in the file, be used once, and keep
 * its nodes within its bounds and its keys in order.
 *
 * Both meta pages must be whole and one transaction apart. LMDB itself would fall back to the older one when the newer is
 * damaged, which silently takes back the last acknowledged transaction. A power loss does not leave that behind: the part of
 * a meta page that is in use lies within one disk sector.
 *
 * Source: the format of lmdb 3.5.6, `dependencies/lmdb/libraries/liblmdb/mdb.c` (data version 2: 24-byte page headers
 * with a transaction id; free lists with blocks). docs/decisions/0004-lmdb-log.md has the why.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** What is wrong and where, as the end of a sentence about the file. */
export class LmdbFileError extends Error {
  override readonly name = "LmdbFileError";
}

export interface LmdbRecord {
  readonly key: Buffer;
  readonly value: Buffer;
}

const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const HEADER_BYTES = 24;
const NODE_BYTES = 8;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;
const PAGE = { branch: 0x01, leaf: 0x02, overflow: 0x04, meta: 0x08 } as const;
/** The value stands on pages of its own; the node holds their place. */
const BIG_DATA = 0x01;
/** Deeper than any tree that fits a 48-bit page number. */
const DEPTH_MAX = 32;

interface Tree {
  readonly depth: number;
  readonly entries: number;
  /** Null when the tree is empty. */
  readonly root: number | null;
}

interface Meta {
  readonly pageBytes: number;
  readonly free: Tree;
  readonly main: Tree;
  readonly lastPage: number;
  readonly txn: bigint;
}

/**
 * All records of the main tree, in order of their keys.
 * @throws {LmdbFileError} when anything is not as LMDB writes it; errors of the file system pass through.
 */
export function readLmdbFile(path: string): readonly LmdbRecord[] {
  const file = openSync(path, "r");
  try {
    return new LmdbReader(file).read();
  } finally {
    closeSync(file);
  }
}

class LmdbReader {
  readonly #file: number;
  readonly #fileBytes: number;
  readonly #used = new Set<number>([0, 1]);
  #pageBytes = 4096;
  #lastPage = 0;
  #txn = 0n;

  constructor(file: number) {
    this.#file = file;
    this.#fileBytes = fstatSync(file).size;
  }

  read(): readonly LmdbRecord[] {
    const meta = this.#readMeta();
    this.#lastPage = meta.lastPage;
    this.#txn = meta.txn;
    const records = this.#readTree(meta.main, "records", (a, b) => Buffer.compare(a, b));
    const freed = this.#readTree(meta.free, "free pages", (a, b) => Number(a.readBigUInt64LE() - b.readBigUInt64LE()));
    for (const { value } of freed) this.#claimFree(value);
    return records;
  }

  #readMeta(): Meta {
    const first = this.#parseMeta(0, this.#bytes(0, 512));
    this.#pageBytes = first.pageBytes;
    const second = this.#parseMeta(1, this.#bytes(first.pageBytes, 512));
    const [older, newer] = first.txn < second.txn ? [first, second] : [second, first];
    check(newer.txn === older.txn + 1n, `its meta pages are of transactions ${older.txn} and ${newer.txn}`);
    return newer;
  }

  #parseMeta(number: number, page: Buffer): Meta {
    const at = HEADER_BYTES;
    const whole =
      page.readBigUInt64LE(0) === BigInt(number) &&
      (page.readUInt16LE(18) & PAGE.meta) !== 0 &&
      page.readUInt32LE(at) === MAGIC;
    check(whole, `page ${number} is no LMDB meta page`);
    const version = page.readUInt32LE(at + 4) & 0xffff;
    check(version === DATA_VERSION, `it has LMDB's data version ${version}, wanted ${DATA_VERSION}`);
    const pageBytes = page.readUInt32LE(at + 24);
    const possible = pageBytes >= 512 && pageBytes <= 65536 && (pageBytes & (pageBytes - 1)) === 0;
    check(
      possible && (number === 0 || pageBytes === this.#pageBytes),
      `page ${number} says pages have ${pageBytes} bytes`,
    );
    return {
      pageBytes,
      free: parseTree(page, at + 24),
      main: parseTree(page, at + 72),
      lastPage: Number(page.readBigUInt64LE(at + 120)),
      txn: page.readBigUInt64LE(at + 128),
    };
  }

  #readTree(tree: Tree, name: string, compare: (a: Buffer, b: Buffer) => number): readonly LmdbRecord[] {
    const records: LmdbRecord[] = [];
    if (tree.root !== null) this.#readPage(tree.root, tree.depth, records);
    check(records.length === tree.entries, `its tree of ${name} has ${records.length} entries, not ${tree.entries}`);
    for (let at = 1; at < records.length; at++) {
      const [before, after] = [records[at - 1], records[at]];
      check(
        !before || !after || compare(before.key, after.key) < 0,
        `its tree of ${name} is out of order at entry ${at}`,
      );
    }
    return records;
  }

  /** `depth` is 1 for a leaf. */
  #readPage(number: number, depth: number, into: LmdbRecord[]): void {
    check(depth >= 1 && depth <= DEPTH_MAX, `page ${number} is at an impossible depth`);
    const page = this.#claim(number, 1);
    const wanted = depth === 1 ? PAGE.leaf : PAGE.branch;
    check(page.readUInt16LE(18) === wanted, `page ${number} has flags ${page.readUInt16LE(18)}, wanted ${wanted}`);
    const nodes = page.readUInt16LE(20) >> 1;
    const fits = nodes > 0 && HEADER_BYTES + 2 * nodes <= this.#pageBytes;
    check(fits, `page ${number} claims ${nodes} nodes`);
    for (let at = 0; at < nodes; at++) {
      const start = HEADER_BYTES + page.readUInt16LE(HEADER_BYTES + 2 * at);
      check(start + NODE_BYTES <= this.#pageBytes, `node ${at} of page ${number} is beyond the page`);
      if (depth === 1) into.push(this.#readLeafNode(number, page, start));
      else this.#readPage(page.readUIntLE(start, 6), depth - 1, into);
    }
  }

  #readLeafNode(number: number, page: Buffer, start: number): LmdbRecord {
    const valueBytes = page.readUInt32LE(start);
    const flags = page.readUInt16LE(start + 4);
    const keyEnd = start + NODE_BYTES + page.readUInt16LE(start + 6);
    check((flags & ~BIG_DATA) === 0, `a node of page ${number} has flags ${flags}`);
    const inPage = flags === BIG_DATA ? 24 : valueBytes;
    check(keyEnd + inPage <= this.#pageBytes, `a node of page ${number} is beyond the page`);
    const key = page.subarray(start + NODE_BYTES, keyEnd);
    if (flags !== BIG_DATA) return { key, value: page.subarray(keyEnd, keyEnd + valueBytes) };
    const first = Number(page.readBigUInt64LE(keyEnd));
    const pages = Math.floor((HEADER_BYTES - 1 + valueBytes) / this.#pageBytes) + 1;
    const overflow = this.#claim(first, pages);
    const whole = overflow.readUInt16LE(18) === PAGE.overflow && overflow.readUInt32LE(20) === pages;
    check(whole, `page ${first} is not the start of ${pages} overflow pages`);
    return { key, value: overflow.subarray(HEADER_BYTES, HEADER_BYTES + valueBytes) };
  }

  /** A list of free pages: a count, then page numbers, negative lengths each before the first page of a block, and zeros. */
  #claimFree(list: Buffer): void {
    check(list.length >= 8 && list.length % 8 === 0, `a list of free pages has ${list.length} bytes`);
    const count = Number(list.readBigUInt64LE(0));
    check(count < list.length / 8, `a list of free pages claims ${count} entries`);
    for (let at = 1; at <= count; at++) {
      const entry = Number(list.readBigInt64LE(8 * at));
      if (entry > 0) this.#claimNumbers(entry, 1);
      else if (entry < 0) {
        at += 1;
        check(at <= count, "a list of free pages ends within a block");
        this.#claimNumbers(Number(list.readBigInt64LE(8 * at)), -entry);
      }
    }
  }

  #claim(first: number, pages: number): Buffer {
    this.#claimNumbers(first, pages);
    const page = this.#bytes(first * this.#pageBytes, pages * this.#pageBytes);
    check(page.readBigUInt64LE(0) === BigInt(first), `page ${first} says it is page ${page.readBigUInt64LE(0)}`);
    check(page.readBigUInt64LE(8) <= this.#txn, `page ${first} is of a transaction that has not happened`);
    return page;
  }

  #claimNumbers(first: number, pages: number): void {
    check(first >= 2 && first + pages - 1 <= this.#lastPage, `page ${first} is not one of 2 to ${this.#lastPage}`);
    for (let number = first; number < first + pages; number++) {
      check(!this.#used.has(number), `page ${number} is used twice`);
      this.#used.add(number);
    }
  }

  #bytes(start: number, length: number): Buffer {
    check(start + length <= this.#fileBytes, `it ends at byte ${this.#fileBytes}, before byte ${start + length}`);
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length;) {
      const got = readSync(this.#file, bytes, at, length - at, start + at);
      check(got > 0, `it ends at byte ${start + at}`);
      at += got;
    }
    return bytes;
  }
}

function parseTree(page: Buffer, at: number): Tree {
  const root = page.readBigUInt64LE(at + 40);
  return {
    depth: page.readUInt16LE(at + 6),
    entries: Number(page.readBigUInt64LE(at + 32)),
    root: root === NO_PAGE ? null : Number(root),
  };
}

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new LmdbFileError(what);
}
