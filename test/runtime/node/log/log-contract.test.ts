/** The log store on disk, by the contract of every log store: with segments of a few sectors and of the usual size, written by threads and in the main one. */
import type { LogStore } from "../../../../runtime/index.ts";
import type { LogStoreOptions } from "../../../../runtime/node/log/disk-log-store.ts";
import { logStoreContract, type LogStoreDriver } from "../../../contract/log-store.ts";
import { LogFolder } from "./log-folder.ts";
import { mountSmallDisk } from "./small-disk.ts";

const SMALL = { segmentSizes: { firstBytes: 4096, largestBytes: 4096 }, roomRetryMs: 5 };

function driverOf(log: LogFolder): LogStoreDriver {
  return { open: () => log.open(), damage: (index) => log.rot(index), cleanup: async () => log.remove() };
}

logStoreContract("disk, segments of the usual size", () => driverOf(new LogFolder()));

/** A follower's: all its writes say so. */
function followers(store: LogStore): LogStore {
  return {
    load: () => store.load(),
    append: (write, done) => store.append({ ...write, fromFollower: true }, done),
    compact: (through) => store.compact(through),
    onRoom: (listener) => store.onRoom(listener),
    close: (done) => store.close(done),
  };
}

/** On a small disk where this host lets a test mount one. */
function smallDriver(options: Partial<LogStoreOptions>): LogStoreDriver {
  const disk = mountSmallDisk(1_048_576);
  if (typeof disk === "string") return driverOf(new LogFolder(options));
  const log = new LogFolder(options, disk.folder);
  const cleanup = async (): Promise<void> => {
    await log.close();
    disk.remove();
  };
  return { ...driverOf(log), setRoom: (hasRoom) => disk.setRoom(hasRoom), cleanup };
}

logStoreContract("disk, segments of a few sectors", () => smallDriver(SMALL));

logStoreContract("disk, a follower's writes in the main thread", () => {
  const driver = smallDriver({ ...SMALL, mayBlock: true });
  return { ...driver, open: () => followers(driver.open()) };
});
