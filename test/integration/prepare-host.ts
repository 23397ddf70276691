/** Runs once before the integration tests: installs what VMs and the example need, as `up` does on a new machine. */
import { ensureHostPackages } from "../../guest/index.ts";

export async function setup(): Promise<void> {
  const onProgress = (step: string, detail: string): void => console.log(`${step}: ${detail}`);
  const { missing } = await ensureHostPackages({ nix: true, onProgress });
  for (const { message } of missing) console.log(message);
}
