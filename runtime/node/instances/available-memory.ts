/** Memory of this host that no process holds, without what its caches do. */
import { readFileSync } from "node:fs";

/** In MiB; 0 where the kernel does not say. Source: Linux, Documentation/filesystems/proc.rst, "meminfo". */
export function availableMemoryMiB(): number {
  try {
    return Number(/^MemAvailable:\s+(\d+) kB/m.exec(readFileSync("/proc/meminfo", "latin1"))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
