/**
 * A writer thread, seen from the main one: keeps the process alive while it is asked something, and no longer.
 *
 * The thread's file has the extension of this one: `.ts` in the repository, `.js` in the published package.
 */
import { Worker, type Transferable } from "node:worker_threads";

export interface LmdbThreadOptions<Reply> {
  /** The thread's file in the repository, where it ends in `.ts`. */
  readonly file: URL;
  readonly workerData: unknown;
  readonly onReply: (reply: Reply) => void;
  /** It crashed; `onEnd` follows. */
  readonly onCrash: (reason: string) => void;
  /** It has ended, asked to or not. */
  readonly onEnd: () => void;
}

/** The request that every such thread knows: release the files, then end. */
export interface CloseRequest {
  readonly type: "close";
}

export class LmdbThread<Request, Reply> {
  hasEnded = false;
  readonly #worker: Worker;

  constructor({ file, workerData, onReply, onCrash, onEnd }: LmdbThreadOptions<Reply>) {
    const isPackage = import.meta.url.endsWith(".js");
    this.#worker = new Worker(isPackage ? new URL(file.href.replace(/\.ts$/, ".js")) : file, { workerData });
    this.#worker.on("message", onReply);
    this.#worker.on("error", (error) => onCrash(error.message));
    this.#worker.on("exit", () => {
      this.hasEnded = true;
      onEnd();
    });
    this.#worker.unref();
  }

  /** Asks; the process stays until `rest`. */
  send(request: Request | CloseRequest, transfer: readonly Transferable[] = []): void {
    this.hold();
    this.#worker.postMessage(request, transfer);
  }

  /** Something is awaited of it. */
  hold(): void {
    this.#worker.ref();
  }

  /** Nothing is awaited of it. */
  rest(): void {
    this.#worker.unref();
  }
}
