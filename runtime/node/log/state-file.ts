/** The file of the log's state (log-state.ts), written by a thread: a commit takes as long as the disk does, and heartbeats must not wait. */
import { LmdbThread } from "../lmdb-thread.ts";
import { packOperations, type WriterOptions, type WriterReply, type WriterRequest } from "../lmdb-writer-protocol.ts";
import { formatRecord, stateRecord, type LogState } from "./log-state.ts";

/** Why a write to disk did not happen. */
export interface WriteFailure {
  /** The disk has no room: it may be tried again. Anything else is final. */
  readonly full: boolean;
  readonly message: string;
}

type Done = (failure?: WriteFailure) => void;

export class StateFile {
  readonly #path: string;
  #thread: LmdbThread<WriterRequest, WriterReply> | null = null;
  #done: Done | null = null;
  #onClosed: (() => void) | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** Starts the thread, so that the first write need not wait for that. */
  open(): void {
    this.#thread ??= this.#start();
  }

  /** Makes the state durable. One at a time. */
  write(state: LogState, done: Done): void {
    this.#done = done;
    this.#thread ??= this.#start();
    const bytes = packOperations([stateRecord(state)]);
    this.#thread.send({ type: "write", bytes }, [bytes.buffer]);
  }

  close(done: () => void): void {
    if (this.#thread === null || this.#thread.hasEnded) return void setImmediate(done);
    this.#onClosed = done;
    this.#thread.send({ type: "close" });
  }

  #start(): LmdbThread<WriterRequest, WriterReply> {
    const workerData: WriterOptions = { path: this.#path, format: formatRecord() };
    const thread: LmdbThread<WriterRequest, WriterReply> = new LmdbThread({
      file: new URL("../lmdb-writer.ts", import.meta.url),
      workerData,
      onReply: (reply: WriterReply) => this.#onReply(thread, reply),
      onCrash: (message: string) => this.#answer({ full: false, message }),
      onEnd: () => {
        if (this.#thread === thread) this.#answer({ full: false, message: "its thread has ended" });
        this.#onClosed?.();
      },
    });
    return thread;
  }

  #onReply(thread: LmdbThread<WriterRequest, WriterReply>, reply: WriterReply): void {
    if (reply.type === "failed" && reply.full) {
      // A commit that was broken off for lack of room: the next one begins with the file as it is on disk.
      this.#thread = null;
      thread.send({ type: "close" });
    } else thread.rest();
    this.#answer(reply.type === "failed" ? reply : undefined);
  }

  #answer(failure: WriteFailure | undefined): void {
    const done = this.#done;
    this.#done = null;
    done?.(failure);
  }
}
