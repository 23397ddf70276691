/**
 * A client of QMP, QEMU's control protocol: one JSON value a line over a unix socket.
 *
 * QEMU greets, waits for `qmp_capabilities`, then answers commands in order by their ids, with events in between. Anything
 * else is a fault that closes the client with the reason; the guest runs on.
 *
 * Source: QEMU, docs/interop/qmp-spec.rst.
 */
import { createConnection, type Socket } from "node:net";

export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface QmpCommand {
  readonly command: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

export interface QmpClientOptions {
  /** At most 107 bytes long, the limit of the system. */
  readonly path: string;
  onEvent(event: QmpEvent): void;
  /** Called once, after a successful `connect`; without an error when QEMU ended or `close` was called. */
  onClose(error?: Error): void;
  /** For the greeting and for each answer. Default: 5,000 ms. */
  readonly timeoutMs?: number;
  /** Sent in one piece with the negotiation, so that a QEMU that still starts goes from one to the next by itself; see `first`. Default: none. */
  readonly first?: readonly QmpCommand[];
}

const TIMEOUT_MS = 5_000;
/** QEMU's longest answers (its own schema) have 200 kB; what is longer is not QEMU's. */
const LINE_BYTES_MAX = 4 * 1024 * 1024;

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

export class QmpClient {
  readonly #socket: Socket;
  readonly #options: QmpClientOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #watchers = new Set<(event?: QmpEvent) => void>();
  #greeted: ((error?: Error) => void) | undefined;
  #received = "";
  #nextId = 1;
  #ready = false;
  #closed = false;
  #first: Promise<unknown> = Promise.resolve();

  private constructor(socket: Socket, options: QmpClientOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => this.#onData(text));
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end());
  }

  /** Connects and gets through the greeting. @throws when there is no QEMU behind the socket or it does not answer. */
  static async connect(options: QmpClientOptions): Promise<QmpClient> {
    const socket = createConnection({ path: options.path });
    const client = new QmpClient(socket, options);
    try {
      await client.#greeting();
      socket.cork();
      const negotiated = client.execute("qmp_capabilities");
      client.#first = Promise.all((options.first ?? []).map(({ command, args }) => client.execute(command, args)));
      client.#first.catch(() => undefined);
      socket.uncork();
      await negotiated;
    } catch (error) {
      socket.destroy();
      throw error;
    }
    client.#ready = true;
    return client;
  }

  /** QEMU's answer. @throws with its description when it refuses, or when the connection ends or stays silent. */
  async execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (this.#closed) throw new Error(`QMP command "${command}": the connection is closed`);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = this.#timer(() => {
        this.#pending.delete(id);
        reject(new Error(`QMP command "${command}": no answer in ${this.#timeoutMs()} ms`));
      });
      const failed = (error: Error): void =>
        reject(new Error(`QMP command "${command}": ${error.message}`, { cause: error }));
      this.#pending.set(id, { resolve, reject: failed, timer });
      this.#socket.write(`${JSON.stringify({ execute: command, id, ...(args ? { arguments: args } : {}) })}\n`);
    });
  }

  /** Resolves when all commands that `connect` was given were answered. @throws as `execute` does. */
  async first(): Promise<void> {
    await this.#first;
  }

  /** Resolves with the next event that is wanted; with nothing when the connection ends, or after `limitMs`. */
  async changed(limitMs: number, isWanted: (event: QmpEvent) => boolean = () => true): Promise<QmpEvent | undefined> {
    if (this.#closed) return undefined;
    return new Promise((resolve) => {
      const wake = (event?: QmpEvent): void => {
        if (event !== undefined && !isWanted(event)) return;
        clearTimeout(timer);
        this.#watchers.delete(wake);
        resolve(event);
      };
      const timer = setTimeout(wake, limitMs);
      this.#watchers.add(wake);
    });
  }

  /** Will it never answer again? */
  get isClosed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.#end();
  }

  #greeting(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#timer(() => this.#greeted?.(new Error(`no QMP greeting in ${this.#timeoutMs()} ms`)));
      this.#greeted = (error) => {
        clearTimeout(timer);
        this.#greeted = undefined;
        if (error === undefined) resolve();
        else reject(error);
      };
    });
  }

  #onData(text: string): void {
    this.#received += text;
    for (let end = this.#received.indexOf("\n"); end >= 0 && !this.#closed; end = this.#received.indexOf("\n")) {
      const line = this.#received.slice(0, end).trim();
      this.#received = this.#received.slice(end + 1);
      if (line !== "") this.#onLine(line);
    }
    if (this.#received.length > LINE_BYTES_MAX) this.#end(new Error("a QMP line without an end"));
  }

  #onLine(line: string): void {
    const value = parseObject(line);
    if (value === undefined) return this.#end(new Error(`not a QMP message: ${line.slice(0, 80)}`));
    if (this.#greeted !== undefined) {
      return this.#greeted("QMP" in value ? undefined : new Error(`not a QMP greeting: ${line.slice(0, 80)}`));
    }
    if (typeof value["event"] === "string") {
      const event: QmpEvent = { event: value["event"], data: toObject(value["data"]) };
      this.#options.onEvent(event);
      return this.#wake(event);
    }
    const id = value["id"];
    const pending = typeof id === "number" ? this.#pending.get(id) : undefined;
    // An answer that came too late.
    if (pending === undefined || typeof id !== "number") return;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    if ("return" in value) pending.resolve(value["return"]);
    else {
      const { desc } = toObject(value["error"]);
      pending.reject(new Error(typeof desc === "string" ? desc : "refused without a reason"));
    }
  }

  #end(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.destroy();
    const reason = error ?? new Error("the connection was closed");
    this.#greeted?.(reason);
    for (const pending of this.#pending.values()) {
      clearTimeout(pending.timer);
      pending.reject(reason);
    }
    this.#pending.clear();
    this.#wake();
    if (this.#ready) this.#options.onClose(error);
  }

  #wake(event?: QmpEvent): void {
    for (const wake of [...this.#watchers]) wake(event);
  }

  #timer(run: () => void): NodeJS.Timeout {
    return setTimeout(run, this.#timeoutMs());
  }

  #timeoutMs(): number {
    return this.#options.timeoutMs ?? TIMEOUT_MS;
  }
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function toObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
