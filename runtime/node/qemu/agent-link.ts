/**
 * The host's end of the guest's virtio port: one word a line, from the guest's init (guest/init.sh) and to it.
 *
 * The guest says `booted`, `beat` each second and `exit STATUS`; the host says `stop`. A guest is not trusted: whatever else
 * it says is ignored, and a line that does not end is cut into pieces by the splitter.
 */
import { createConnection, type Socket } from "node:net";
import { LineSplitter } from "../instances/line-splitter.ts";

export interface AgentLinkOptions {
  readonly path: string;
  onBooted(): void;
  onBeat(): void;
  /** The service ended with `status`, the guest is about to. */
  onServiceExit(status: number): void;
}

export class AgentLink {
  readonly #socket: Socket;
  /** Resolves when nothing more will come from the guest. */
  readonly closed: Promise<void>;

  constructor(options: AgentLinkOptions) {
    this.#socket = createConnection({ path: options.path });
    const lines = new LineSplitter((line) => {
      const [word, argument] = line.split(" ");
      if (word === "booted") options.onBooted();
      else if (word === "beat") options.onBeat();
      else if (word === "exit" && /^\d{1,3}$/.test(argument ?? "")) options.onServiceExit(Number(argument));
    });
    this.#socket.on("data", (chunk) => lines.push(chunk));
    // A close follows every error, and says all that matters here.
    this.#socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => this.#socket.once("close", () => resolve()));
  }

  requestStop(): void {
    this.#socket.write("stop\n");
  }

  close(): void {
    this.#socket.destroy();
  }
}
