/** Amounts of bytes as people say them. */
const UNITS = ["KiB", "MiB", "GiB", "TiB"] as const;

/** `512 B`, `45.6 KiB`, `1.2 GiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let amount = bytes / 1024;
  let unit = 0;
  while (amount >= 1024 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${amount.toFixed(1)} ${UNITS[unit] ?? ""}`;
}
