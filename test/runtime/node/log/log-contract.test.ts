/** The log store on disk, by the contract of every log store: with segments of a few sectors and of the usual size. */
import { logStoreContract, type LogStoreDriver } from "../../../contract/log-store.ts";
import { LogFolder } from "./log-folder.ts";
import { mountSmallDisk } from "./small-disk.ts";

const SMALL = { segmentSizes: { firstBytes: 4096, largestBytes: 4096 }, roomRetryMs: 5 };

function driverOf(log: LogFolder): LogStoreDriver {
  return { open: () => log.open(), damage: (index) => log.rot(index), cleanup: async () => log.remove() };
}

logStoreContract("disk, segments of the usual size", () => driverOf(new LogFolder()));

logStoreContract("disk, segments of a few sectors", () => {
  const disk = mountSmallDisk(1_048_576);
  if (typeof disk === "string") return driverOf(new LogFolder(SMALL));
  const log = new LogFolder(SMALL, disk.folder);
  const cleanup = async (): Promise<void> => {
    await log.close();
    disk.remove();
  };
  return { ...driverOf(log), setRoom: (hasRoom) => disk.setRoom(hasRoom), cleanup };
});
