/** Runs `blixard` as a process of its own, with a state folder and ports of its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, vi } from "vitest";

export const REPOSITORY: string = dirname(dirname(import.meta.dirname));
const MAIN = join(REPOSITORY, "cli", "main.ts");

/** What a program has said and how it ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
}

export class RunningBlixard {
  readonly ended: Promise<Ended>;
  out = "";
  err = "";
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.out += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.err += text));
    this.ended = new Promise((resolve) =>
      child.once("close", (exitCode) => resolve({ exitCode, out: this.out, err: this.err })),
    );
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits until it has printed something, on either stream. */
  async says(words: string): Promise<void> {
    await vi.waitFor(() => expect(`${this.out}\n${this.err}`).toContain(words), { timeout: 60_000, interval: 50 });
  }
}

/** One state folder, from the start of a test to its end. */
export class BlixardHome {
  readonly folder: string = mkdtempSync(join(tmpdir(), "blixard-up-"));
  readonly env: Record<string, string | undefined>;

  constructor(env: Readonly<Record<string, string>> = {}) {
    this.env = {
      ...process.env,
      NO_COLOR: "1",
      BLIXARD_HOME: join(this.folder, "home"),
      // Shared with the other tests: images are built once.
      BLIXARD_CACHE: join(REPOSITORY, ".cache", "guest"),
      ...env,
    };
  }

  start(args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningBlixard {
    return new RunningBlixard(
      spawn(process.execPath, [MAIN, ...args], {
        cwd: REPOSITORY,
        env: { ...this.env, ...env },
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
  }

  async run(...args: readonly string[]): Promise<Ended> {
    return this.start(args).ended;
  }

  /** Ends whatever a failed test has left. */
  async remove(): Promise<void> {
    await this.run("down");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Ten ports in a row from the result + 1, and ten from the result + 101, that nobody has now. */
export async function freePortBase(): Promise<number> {
  for (;;) {
    const base = 10_000 + Math.floor(Math.random() * 20_000);
    const ports = [1, 2, 3, 101, 102, 103].map((offset) => base + offset);
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return base;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
