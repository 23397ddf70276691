/** The node's side of the thread that copies and hashes files (file-copy-worker.ts). */
import { Worker } from "node:worker_threads";

export interface CopyTask {
  readonly from: string;
  /** Must not be there. Default: `from` is only hashed. */
  readonly to?: string;
}

export interface CopiedFile {
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

export type CopyReply = CopiedFile | { readonly code: string | undefined; readonly message: string };

export class FileCopy {
  readonly #worker: Worker;
  readonly #reply: Promise<CopyReply>;

  /** The thread starts at once, the copying with `run`. */
  constructor(task: CopyTask) {
    const file = import.meta.url.endsWith(".ts")
      ? new URL("./file-copy-worker.ts", import.meta.url)
      : new URL("./file-copy-worker.js", import.meta.url);
    this.#worker = new Worker(file, { workerData: task });
    this.#reply = new Promise((resolve, reject) => {
      this.#worker.once("message", resolve);
      this.#worker.once("error", reject);
      this.#worker.once("exit", () => reject(new Error("the copying thread has ended")));
    });
    // Whoever closes it before `run` does not wait for it.
    this.#reply.catch(() => undefined);
  }

  /** @throws the file system's error, with its `code`. */
  async run(): Promise<CopiedFile> {
    this.#worker.postMessage("go");
    const reply = await this.#reply;
    if ("sha256" in reply) return reply;
    throw Object.assign(new Error(reply.message), { code: reply.code });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** SHA-256 of a file, hexadecimal, in a thread of its own. @throws the file system's error. */
export async function hashFile(path: string): Promise<CopiedFile> {
  const copy = new FileCopy({ from: path });
  try {
    return await copy.run();
  } finally {
    await copy.close();
  }
}
