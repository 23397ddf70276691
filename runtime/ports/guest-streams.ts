/**
 * Streams between a caller and a guest: a command with its input and output, a file, the console. Part of the hypervisor port.
 *
 * Bytes flow by credit, both ways: each side sends no more than the other has granted, so neither a guest's flood nor a caller that does not
 * read fills anybody's memory. Everything that a stream says comes through its listener, never during the call that opened it, and `onEnd`
 * exactly once, last.
 */
import type { VerbRefusal } from "./guest-verbs.ts";

/** What both sides may send before the first grant, in bytes. */
export const STREAM_WINDOW = 262_144;
/** The most that is sent at once, in bytes. */
export const STREAM_CHUNK = 16_384;

export type StreamRequest =
  | {
      /** Runs a command in the guest, in a session of its own. */
      readonly type: "exec";
      readonly instance: string;
      /** At least the program. With `env` and `folder` at most 20,000 bytes. */
      readonly command: readonly string[];
      /** Added to the environment of the VM's service. */
      readonly env: Readonly<Record<string, string>>;
      /** Absolute path. Default: the root folder. */
      readonly folder?: string;
      /** With a terminal, of that size; then all output comes as `out`. */
      readonly terminal?: TerminalSize;
      /** Past it the command gets SIGTERM, then SIGKILL. Default: none. */
      readonly timeoutMs?: number;
    }
  /** Writes a file: beside its place, then renamed, when `send` brought `sizeBytes` bytes and `finish` came. */
  | {
      readonly type: "put";
      readonly instance: string;
      /** Absolute path in the guest. */
      readonly path: string;
      /** Octal digits: "0644". */
      readonly mode: string;
      readonly sizeBytes: number;
    }
  /** Reads a plain file. */
  | { readonly type: "get"; readonly instance: string; readonly path: string }
  /** The serial console, from now on. One caller at a time writes. */
  | {
      readonly type: "console";
      readonly instance: string;
      /** `take`: from whoever writes now. `write`: refused while somebody does. */
      readonly access: "read" | "write" | "take";
      /** Shown to whoever wants to write meanwhile. */
      readonly who: string;
      readonly terminal?: TerminalSize;
    };

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface StreamListener {
  /** Only of `get`, first: its size as of now and its mode in octal digits. */
  onFile(sizeBytes: number, mode: string): void;
  /** At most `STREAM_CHUNK` bytes, and never more in all than was granted. */
  onOutput(channel: "out" | "err", bytes: Uint8Array): void;
  /** So many bytes more may be sent. */
  onGrant(bytes: number): void;
  onEnd(end: StreamEnd): void;
}

export type StreamEnd =
  | VerbRefusal
  /** Of `exec`: how the command ended. */
  | { readonly ok: true; readonly type: "exited"; readonly code: number }
  | { readonly ok: true; readonly type: "killed"; readonly signal: number }
  /** Of `put` and `get`: all of the file is there, its checksum verified. Of `console`: the guest ended. */
  | { readonly ok: true; readonly type: "done" };

/** What a caller does with a stream. After `onEnd` all of it does nothing. */
export interface GuestStream {
  /** Input. @throws {RangeError} for more than was granted. */
  send(bytes: Uint8Array): void;
  /** There is no more input. */
  finish(): void;
  /** Takes so many bytes of output more. */
  grant(bytes: number): void;
  resize(size: TerminalSize): void;
  /** Sends a signal to a command and its children. */
  signal(number: number): void;
  /** Ends it: a command is killed, a half-written file removed. `onEnd` says `cancelled`. */
  cancel(): void;
}
