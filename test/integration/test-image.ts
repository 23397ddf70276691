/** The guest image of the tests: built once into the repository's cache folder, as `up` does into the user's. */
import { join } from "node:path";
import { ensureGuestImage, ensureHostPackages, type GuestImage } from "../../guest/index.ts";

/** @throws what is missing and what would help. */
export async function testImage(): Promise<GuestImage> {
  const onProgress = (step: string, detail: string): void => console.log(`${step}: ${detail}`);
  // Installed by `prepare-host.ts` where that was possible.
  const { missing } = await ensureHostPackages({ onProgress, install: false });
  if (missing.length > 0) throw new Error(missing.map((part) => part.message).join("\n"));
  return ensureGuestImage({ cacheDir: join(import.meta.dirname, "../../.cache/guest"), onProgress });
}
