/** Runs once before the integration tests: installs what VMs and the example need, as `up` does on a new machine. */
import { ensureHostPackages } from "../../guest/index.ts";

export async function setup(): Promise<void> {
  const { missing } = await ensureHostPackages({ onProgress: (step, detail) => console.log(`${step}: ${detail}`) });
  for (const { message } of missing) console.log(message);
}
