/** Host packages and guest images: what `up` prepares before the first microVM starts. */
export { ensureHostPackages, type HostPackagesOptions, type HostReport, type MissingPart } from "./host-packages.ts";
export { ensureGuestImage, type GuestImage, type GuestImageOptions } from "./guest-image.ts";
export type { GuestKernel } from "./kernel-package.ts";
