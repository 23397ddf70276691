/** A child process that writes to a store in its folder until it is killed, and prints the last number that it was told is durable. */
import { spawn } from "node:child_process";

export interface AppendingChild {
  readonly pid: number;
  /** Kills it after that time; the last number that it has printed. */
  kill(afterMs?: number): Promise<number>;
}

/** Resolves when the child has printed something. `args`: its program and what it gets. */
export async function startAppendingChild(args: readonly string[]): Promise<AppendingChild> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  await new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      resolve();
    });
  });
  return {
    pid: child.pid ?? 0,
    kill: async (afterMs = 0) => {
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      child.kill("SIGKILL");
      await ended;
      // The last line may be cut off.
      return Number(output.split("\n").at(-2));
    },
  };
}
