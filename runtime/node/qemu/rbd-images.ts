/**
 * Who writes to an image of RBD: one guest, and nobody whom it followed.
 *
 * **Ceph's exclusive lock does not see to that.** It orders the writes of clients that all mean well: an opener that lives hands the lock over whenever
 * another one asks for it, so two guests write to one image by turns and ruin it. Only an opener that has not been heard of for 30 s is shut out by the
 * next, which stands still for as long. So the host looks who has the image open (its watchers) before a guest starts on it, and
 *
 *   - an earlier run of the same VM is shut out in Ceph (`osd blocklist`), though its lease is over: it may have been asleep, and have writes on their way;
 *   - anybody else is not touched, and the start is refused: another VM, another cluster, somebody at work with `rbd map`.
 *
 * Whose an opener is stands in the image itself, under `blixard.owner`: cluster, VM, the address of its client. An opener that is not recorded there is
 * nobody's that we may end. Once QEMU has it open, its own address is what is new among the watchers: if there are two that are new, another host
 * started at the same moment, and both give up. A guest that comes by live migration shares the image with the one that it was, until it runs; then that
 * one is shut out. Disks that are only read are not watched, and not looked at.
 *
 * docs/decisions/0040-who-writes-to-an-rbd-image.md. Source: Ceph, doc/rbd/rbd-exclusive-locks.rst; src/librbd/exclusive_lock; measured with 16.2.
 */
import type { GuestDisk } from "../../ports/guest-disks.ts";
import type { Logger } from "../../ports/logger.ts";
import { StartRefusal } from "../instances/machine-driver.ts";
import { type CephAccess, CephError } from "./ceph-access.ts";

/** An image that a guest writes to. */
export interface WrittenImage {
  /** The disk's name. */
  readonly disk: string;
  /** "POOL/IMAGE". */
  readonly image: string;
  /** Addresses of the clients that had it open before this guest's QEMU. */
  readonly before: readonly string[];
}

const OWNER = "blixard.owner";
/** Monitors elect a leader within seconds. */
const SHUT_OUT_TRIES = 5;
const SHUT_OUT_RETRY_MS = 2_000;
/** A guest that has moved and moves on at once: what its image says of it is a second or two behind. */
const RECORDED_TRIES = 10;
const RECORDED_RETRY_MS = 1_000;

/** For whom clients of Ceph are shut out. */
interface Guest {
  readonly vm: string;
  /** Does its lease, at this moment? */
  readonly stands: () => boolean;
}

export class RbdImages {
  readonly #ceph: Pick<CephAccess, "run" | "owner">;
  readonly #logger: Logger;

  constructor(ceph: Pick<CephAccess, "run" | "owner">, logger: Logger) {
    this.#ceph = ceph;
    this.#logger = logger;
  }

  /** Before QEMU opens them. `moves`: whoever has them is this very guest, which comes from another host. @throws {StartRefusal} */
  async admit(
    disks: readonly GuestDisk[],
    guest: Guest & { readonly moves: boolean },
  ): Promise<readonly WrittenImage[]> {
    return Promise.all(
      disks.flatMap(({ name, source, readOnly }) =>
        source?.type === "rbd" ? [this.#admit(name, `${source.pool}/${source.image}`, { ...guest, readOnly })] : [],
      ),
    ).then((images) => images.filter((image) => image !== undefined));
  }

  /** Once QEMU has them open. @throws {StartRefusal} when it is not the only one that has just come. */
  async settle(images: readonly WrittenImage[], vm: string, moves: boolean): Promise<void> {
    await Promise.all(
      images.map(async (written) => {
        const { disk, image } = written;
        await refusing(disk, async () => {
          const client = await this.#client(written);
          if (!moves) await this.#own(image, vm, client);
        });
      }),
    );
  }

  /** A guest that came from another host runs here: what it was there is shut out. False: Ceph was asked some times, and did not. Never throws. */
  async takeOver(images: readonly WrittenImage[], { vm, stands }: Guest): Promise<boolean> {
    for (let tries = 1; ; tries++) {
      try {
        await Promise.all(
          images.map(async (written) => {
            for (const client of written.before) await this.#shutOut(client, stands);
            await this.#own(written.image, vm, await this.#client(written));
          }),
        );
        return true;
      } catch (error) {
        if (tries === SHUT_OUT_TRIES) {
          const message = `Cannot keep the host that VM "${vm}" has left from writing to its images: its lease and its guard alone do`;
          this.#logger.log("error", message, { vm, cause: error });
          return false;
        }
        await pause(SHUT_OUT_RETRY_MS);
      }
    }
  }

  async #admit(
    disk: string,
    image: string,
    { vm, moves, stands, readOnly }: Guest & { readonly moves: boolean; readonly readOnly: boolean },
  ): Promise<WrittenImage | undefined> {
    const admit = async (): Promise<WrittenImage | undefined> => {
      const before = await this.#watchers(image);
      if (readOnly) return undefined;
      if (before.length === 0) return { disk, image, before };
      const owner = await this.#owner(image);
      const stranger = before.find((client) => client !== owner?.client);
      if (owner === undefined || stranger !== undefined || owner.vm !== this.#nameOf(vm)) {
        const who = stranger === undefined ? `VM "${owner?.vm}"` : "somebody who is no VM that is recorded in it";
        const client = stranger ?? before[0];
        throw new StartRefusal(
          "failed",
          `the image ${image} is in use by ${who}, client ${client} of Ceph: end it first`,
        );
      }
      if (moves) return { disk, image, before };
      for (const client of before) await this.#shutOut(client, stands);
      return { disk, image, before: [] };
    };
    return refusing(disk, async () => {
      for (let tries = 1; ; tries++) {
        try {
          return await admit();
        } catch (error) {
          if (!moves || !(error instanceof StartRefusal) || tries === RECORDED_TRIES) throw error;
          await pause(RECORDED_RETRY_MS);
        }
      }
    });
  }

  #nameOf(vm: string): string {
    return `${this.#ceph.owner}/${vm}`;
  }

  /** The one that is new. */
  async #client({ image, before }: WrittenImage): Promise<string> {
    const [client, other] = (await this.#watchers(image)).filter((each) => !before.includes(each));
    if (client === undefined)
      throw new StartRefusal("failed", `Ceph does not know that QEMU has the image ${image} open`);
    if (other !== undefined) {
      throw new StartRefusal(
        "failed",
        `somebody opened the image ${image} at the same moment, client ${client} or ${other} of Ceph`,
      );
    }
    return client;
  }

  async #watchers(image: string): Promise<readonly string[]> {
    const { watchers = [] } = JSON.parse(await this.#ceph.run("rbd", ["status", image, "--format", "json"])) as {
      readonly watchers?: readonly { readonly address: string }[];
    };
    return watchers.map(({ address }) => address);
  }

  async #owner(image: string): Promise<{ readonly vm: string; readonly client: string } | undefined> {
    try {
      const [vm = "", client = ""] = (await this.#ceph.run("rbd", ["image-meta", "get", image, OWNER]))
        .trim()
        .split(" ");
      return { vm, client };
    } catch (error) {
      if (error instanceof CephError && error.isMissing) return undefined;
      throw error;
    }
  }

  async #own(image: string, vm: string, client: string): Promise<void> {
    await this.#ceph.run("rbd", ["image-meta", "set", image, OWNER, `${this.#nameOf(vm)} ${client}`]);
  }

  /** For an hour, by which it has ended: who is shut out can open nothing anew as the same client. */
  async #shutOut(client: string, stands: () => boolean): Promise<void> {
    // Looked at as late as can be: a host that was asleep since it was told to start this guest would shut out the one that has followed it.
    if (!stands()) {
      throw new StartRefusal(
        "failed",
        `its lease is over, and client ${client} of Ceph may be whom the VM runs as now: it is not shut out`,
      );
    }
    await this.#ceph.run("ceph", ["osd", "blocklist", "add", client]);
  }
}

async function refusing<Value>(disk: string, ask: () => Promise<Value>): Promise<Value> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof StartRefusal) throw new StartRefusal(error.code, `disk "${disk}": ${error.message}`, error);
    if (!(error instanceof CephError)) throw error;
    throw new StartRefusal(error.isMissing ? "image-missing" : "failed", `disk "${disk}": ${error.message}`, error);
  }
}

async function pause(durationMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, durationMs));
}
