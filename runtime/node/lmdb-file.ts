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
/** 8 TiB of the usual pages; a number beyond it is damage, and page numbers stay within 31 bits. */
const PAGES_MAX = 2 ** 31;

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

interface TreeWalk {
  readonly name: string;
  readonly compare: (a: Buffer, b: Buffer) => number;
  readonly visit: (record: LmdbRecord) => void;
}

/** All records of the main tree, in order of their keys. Throws as `walkLmdbFile`. */
export function readLmdbFile(path: string): readonly LmdbRecord[] {
  const records: LmdbRecord[] = [];
  walkLmdbFile(path, (record) => records.push(record));
  return records;
}

/**
 * Calls `visit` for each record of the main tree, in order of their keys, holding no more than a page for each level of the tree. What
 * comes behind a record may still be found damaged, so nothing counts before this returns.
 * @throws {LmdbFileError} when anything is not as LMDB writes it; errors of the file system and of `visit` pass through.
 */
export function walkLmdbFile(path: string, visit: (record: LmdbRecord) => void): void {
  const file = openSync(path, "r");
  try {
    new LmdbReader(file).walk(visit);
  } finally {
    closeSync(file);
  }
}

class LmdbReader {
  readonly #file: number;
  readonly #fileBytes: number;
  /** One bit a page: a large file has more pages than a set has room for. */
  #used = new Uint8Array(0);
  #pageBytes = 4096;
  #lastPage = 0;
  #txn = 0n;

  constructor(file: number) {
    this.#file = file;
    this.#fileBytes = fstatSync(file).size;
  }

  walk(visit: (record: LmdbRecord) => void): void {
    const meta = this.#readMeta();
    check(meta.lastPage < PAGES_MAX, `it claims ${meta.lastPage} pages`);
    this.#lastPage = meta.lastPage;
    this.#txn = meta.txn;
    this.#used = new Uint8Array(Math.floor(meta.lastPage / 8) + 1);
    this.#walkTree(meta.main, { name: "records", compare: (a, b) => Buffer.compare(a, b), visit });
    this.#walkTree(meta.free, {
      name: "free pages",
      compare: (a, b) => Number(a.readBigUInt64LE() - b.readBigUInt64LE()),
      visit: ({ value }) => this.#claimFree(value),
    });
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

  #walkTree(tree: Tree, { name, compare, visit }: TreeWalk): void {
    let entries = 0;
    let before: Buffer | null = null;
    const inOrder = (record: LmdbRecord): void => {
      check(
        before === null || compare(before, record.key) < 0,
        `its tree of ${name} is out of order at entry ${entries}`,
      );
      before = record.key;
      entries += 1;
      visit(record);
    };
    if (tree.root !== null) this.#readPage(tree.root, tree.depth, inOrder);
    check(entries === tree.entries, `its tree of ${name} has ${entries} entries, not ${tree.entries}`);
  }

  /** `depth` is 1 for a leaf. */
  #readPage(number: number, depth: number, visit: (record: LmdbRecord) => void): void {
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
      if (depth === 1) visit(this.#readLeafNode(number, page, start));
      else this.#readPage(page.readUIntLE(start, 6), depth - 1, visit);
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
      const bit = 1 << (number & 7);
      const byte = this.#used[number >> 3] ?? 0;
      check((byte & bit) === 0, `page ${number} is used twice`);
      this.#used[number >> 3] = byte | bit;
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
