/** The connection to a guest's agent: its unix socket, the session on it (agent-session.ts), and what the host asks of a guest as a whole. */
import { randomBytes } from "node:crypto";
import { Socket } from "node:net";
import type { GuestStream, StreamListener, TerminalSize } from "../../ports/guest-streams.ts";
import { nodeClock } from "../node-clock.ts";
import { sizeWords, stringsBody } from "./agent-line.ts";
import type { GuestAddress } from "./agent-request.ts";
import { AgentSession } from "./agent-session.ts";
import { type AgentStreamRequest, openAgentStream } from "./guest-stream.ts";

export interface AgentLinkOptions {
  /** The guest's unix socket. Default: `connect` says it later, and what is asked meanwhile waits. */
  readonly path?: string;
  onBooted(): void;
  onBeat(): void;
  /** The service ended with `status`, the guest is about to. */
  onServiceExit(status: number): void;
}

/** Who a guest is from now on; what is left out stays as it is. */
export interface FreshIdentity {
  /** 32 hexadecimal digits. */
  readonly machineId?: string;
  readonly hostName?: string;
  /** Of its network cards, which have no link meanwhile. */
  readonly macs?: readonly { readonly interface: string; readonly address: string }[];
  /** The one address of a card, with its prefix, and its gateway: "10.1.0.5/24", "10.1.0.5/24,10.1.0.1"; "0.0.0.0/0": none. */
  readonly ipv4s?: readonly { readonly interface: string; readonly address: string }[];
  /** Credited to the guest's generator, which begins anew. At most 512 bytes. */
  readonly entropy?: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly wallMs?: number;
}

export class AgentLink {
  readonly #socket: Socket = new Socket();
  readonly #session: AgentSession;
  #isConnected = false;
  #isGreeted = false;
  /** Resolves when nothing more will come from the guest. */
  readonly closed: Promise<void>;

  constructor(options: AgentLinkOptions) {
    this.#session = new AgentSession({
      clock: nodeClock,
      nonce: randomBytes(8).toString("hex"),
      // Before it is connected there is nobody who could have asked for anything but a stop, which a guest that is not there needs not.
      write: (text) => void (this.#isConnected && this.#socket.write(text, "latin1")),
      hold: (isHeld) => void (isHeld ? this.#socket.pause() : this.#socket.resume()),
      onBooted: () => options.onBooted(),
      onBeat: () => options.onBeat(),
      onServiceExit: (status) => options.onServiceExit(status),
    });
    this.#socket.on("data", (chunk) => this.#session.receive(chunk));
    // A close follows every error, and says all that matters here.
    this.#socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      this.#socket.once("close", () => {
        this.#session.close();
        resolve();
      });
    });
    if (options.path !== undefined) this.connect(options.path);
  }

  /** Once. A guest that is not greeted now has to be later, by `greet`; until then it is asked nothing. */
  connect(path: string, { greets = true }: { readonly greets?: boolean } = {}): void {
    if (this.#socket.destroyed) return;
    this.#isConnected = true;
    this.#socket.connect({ path });
    if (greets) this.greet();
  }

  /** Says hello, if nobody has. */
  greet(): void {
    if (this.#isGreeted || !this.#isConnected || this.#socket.destroyed) return;
    this.#isGreeted = true;
    this.#session.start();
  }

  requestStop(): void {
    this.#session.requestStop();
  }

  /** Called about once a second. */
  tick(): void {
    this.#session.tick();
  }

  openStream(request: AgentStreamRequest, listener: StreamListener): GuestStream {
    return openAgentStream(this.#session, nodeClock, request, listener);
  }

  /**
   * Keeps what is mounted from disks from being written, until `thaw`, for at most `seconds`, and no longer than this connection. Resolves
   * with the number of file systems: 0 where nothing is mounted from a disk. @throws {VerbError}
   */
  async freeze(seconds: number): Promise<number> {
    return valueOf(await this.#session.ask(["freeze", Math.ceil(seconds)]));
  }

  /** Resolves with how many were still frozen: fewer than `freeze` said when its time was over before. @throws {VerbError} */
  async thaw(): Promise<number> {
    return valueOf(await this.#session.ask(["thaw"]));
  }

  /** As the guest says; not to be believed where it matters. @throws {VerbError} */
  async addresses(): Promise<readonly GuestAddress[]> {
    const found: GuestAddress[] = [];
    await this.#session.ask(["addresses"], { onAddress: (address) => found.push(address) });
    return found;
  }

  /** Makes a clone somebody of its own, SSH host keys included where it has any. To be done before it has a network. @throws {VerbError} */
  async giveIdentity(identity: FreshIdentity): Promise<void> {
    const { machineId, hostName, macs = [], ipv4s = [], entropy, wallMs } = identity;
    const strings = [
      // First, since everything after it may draw.
      ...(entropy === undefined ? [] : [`entropy=${Buffer.from(entropy).toString("hex")}`]),
      ...(wallMs === undefined ? [] : [`time-ms=${Math.trunc(wallMs)}`]),
      ...(machineId === undefined ? [] : [`machine-id=${machineId}`]),
      ...(hostName === undefined ? [] : [`hostname=${hostName}`]),
      ...macs.map((mac) => `mac=${mac.interface},${mac.address}`),
      ...ipv4s.map((ipv4) => `ipv4=${ipv4.interface},${ipv4.address}`),
    ];
    await this.#session.ask(["identity"], { body: stringsBody(strings) });
  }

  /**
   * The agent says nothing more, not even that it beats, until another connection says hello: what a checkpoint holds then is a guest that
   * owes nobody an answer. @throws {VerbError}
   */
  async quiesce(): Promise<void> {
    await this.#session.ask(["pause"]);
  }

  /** Tells the guest how large the terminal at its console is. @throws {VerbError} */
  async resizeConsole(size: TerminalSize): Promise<void> {
    await this.#session.ask(["console", ...sizeWords(size)]);
  }

  close(): void {
    this.#socket.destroy();
    this.#session.close();
  }
}

function valueOf(answer: { readonly word: string; readonly value?: number | undefined }): number {
  return answer.value ?? 0;
}
