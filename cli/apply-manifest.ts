/** Applies one manifest, and says what that did. */
import type { VmManifest } from "../actors/index.ts";
import type { ApiClient } from "../api/index.ts";

/** In kubectl's words. */
const CHANGE_WORDS = { created: "created", updated: "configured", none: "unchanged" } as const;

/** `vm/web configured` */
export async function applyManifest(client: ApiClient, manifest: VmManifest): Promise<string> {
  const { change } = await client.vms.apply(manifest);
  return `vm/${manifest.metadata.name} ${CHANGE_WORDS[change]}`;
}
