/** The image that a guest is booted from, as a folder of the host, and its root file system as one guest has it. */
import { constants } from "node:fs";
import { appendFile, copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { InstanceLaunch } from "../../ports/hypervisor.ts";
import { StartRefusal } from "../instances/machine-driver.ts";
import { guestFiles } from "./guest-files.ts";

export interface LaunchImage {
  readonly folder: string;
  /** What it wants its kernel to be told. */
  readonly parameters: readonly string[];
}

const IMAGE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** @throws {StartRefusal} `image-missing`. */
export async function findImage(imagesDir: string, name: string): Promise<LaunchImage> {
  const folder = join(imagesDir, name);
  const description = IMAGE_NAME.test(name)
    ? await readFile(join(folder, "image.json"), "utf8").catch(() => undefined)
    : undefined;
  if (description === undefined) {
    throw new StartRefusal("image-missing", `no guest image "${name}" in ${imagesDir}: build or copy it there`);
  }
  return { folder, parameters: parametersIn(description) };
}

/** The image's own files, and over them what makes the guest this instance. */
export async function layFiles(initramfs: string, image: string, launch: InstanceLaunch): Promise<void> {
  await copyFile(join(image, "initramfs"), initramfs, constants.COPYFILE_FICLONE);
  // The kernel unpacks archives that begin at a multiple of four; every archive of ours ends at one.
  await appendFile(initramfs, guestFiles(launch), { mode: 0o600 });
}

/** One without a word of it wants nothing. */
function parametersIn(description: string): readonly string[] {
  let parameters: unknown;
  try {
    ({ parameters } = JSON.parse(description) as { readonly parameters?: unknown });
  } catch {
    return [];
  }
  return Array.isArray(parameters) ? parameters.filter((word) => typeof word === "string") : [];
}
