/**
 * The verbs of one QEMU that need more than its control socket: what stands in the instance's note (machine-note.ts) decides whether its guest may
 * run, and survives this process.
 */
import type { Socket } from "node:net";
import type { CheckpointManifest, MigrationEndpoint, MigrationRequest } from "../../ports/guest-verbs.ts";
import type { LaunchOrigin } from "../../ports/hypervisor.ts";
import type { AgentLink } from "../agent/agent-link.ts";
import { guardFolder } from "../guard/guard.ts";
import { uptimeHundredths } from "../guard/host-uptime.ts";
import { readLease } from "../guard/lease-file.ts";
import type { CheckpointStore } from "../instances/checkpoint-store.ts";
import { type MachineContext, VerbError } from "../instances/machine-driver.ts";
import { endCopies } from "./disk-copies.ts";
import type { DiskStore } from "./disks.ts";
import { disksJob } from "./disks-job.ts";
import type { HostFacts } from "./guest-needs.ts";
import { addForward, cardIdentities, PLAIN } from "./cards.ts";
import { GuestIdentity } from "./guest-identity.ts";
import { type MachineNote, readNote, writeNote } from "./machine-note.ts";
import { makeCheckpoint, MEMORY_PART, STATE_PART } from "./qemu-checkpoint.ts";
import { type CheckpointReader, loadCommands, loadState } from "./qemu-restore.ts";
import type { QmpCommand } from "./qmp-client.ts";
import type { QmpControl } from "./qmp-control.ts";
import { abandonMigration, listenForGuest, QmpMigration } from "./qmp-migration.ts";
import { untilLoaded } from "./qmp-transfer.ts";
import type { RbdImages } from "./rbd-images.ts";

/** What all machines of one host share. */
export interface QemuHost {
  readonly checkpoints: CheckpointStore;
  readonly reader: CheckpointReader;
  readonly disks: DiskStore;
  readonly facts: HostFacts;
  readonly images: RbdImages;
  readonly emulated: boolean;
  /** @throws {VerbError} when guests must not be sent to or taken from there. */
  checkPeer(address: string): void;
}

export interface QemuVerbsOptions {
  readonly host: QemuHost;
  readonly context: MachineContext;
  readonly control: QmpControl;
  /** A short path to a file in the instance's folder. */
  readonly pathOf: (name: string) => string;
  /** Connects to a socket that QEMU made. */
  readonly connect: (socket: string) => Socket;
  /** Set while QEMU is connected. */
  readonly agent: () => AgentLink | undefined;
}

/**
 * What a guest that goes on has for itself before its agent is spoken to. Where it has come from another host, an emulated processor has to translate all of its code
 * anew; the agent's would come first, and was a quarter of the processor time until the guest's own work went on.
 */
const FIRST_MS = 500;

export class QemuVerbs {
  readonly #options: QemuVerbsOptions;
  #migration: QmpMigration | undefined;
  #note: MachineNote;
  /** All of a guest of another host is here, and it was not set going yet. */
  #hasArrived = false;

  constructor(options: QemuVerbsOptions) {
    this.#options = options;
    this.#note = readNote(options.context.folder);
  }

  /** Must its guest stand still until `resume`, whatever else is asked? */
  get isHeld(): boolean {
    return this.#note.waitsFor !== undefined || this.#note.left === true;
  }

  /** Does it wait for a guest from another host? */
  get isTarget(): boolean {
    return this.#note.waitsFor?.type === "migration";
  }

  /** Was it being restored by a process that has died since? */
  get isHalfRestored(): boolean {
    return this.#options.context.found && this.#note.waitsFor?.type === "checkpoint";
  }

  /** What its QEMU is told with the connection. */
  get first(): readonly QmpCommand[] {
    const { context, host } = this.#options;
    const { waitsFor, isLoaded } = this.#note;
    if (context.found || isLoaded === true || waitsFor?.type !== "checkpoint") return [];
    return loadCommands({ hasMemory: host.reader.hasPart(waitsFor.id, MEMORY_PART), announces: this.#announces });
  }

  /** Guests in QEMU's own network have nobody to tell that they are elsewhere now; those with a card in a bridge, `tap`, have. */
  get #announces(): boolean {
    return /\btap\b/.test(this.#note.needs.machine);
  }

  /** What it was started for, behind QEMU's first answer. Resolves with where a guest is waited for. @throws {StartRefusal} */
  async begin(): Promise<MigrationEndpoint | undefined> {
    const { context, host } = this.#options;
    const { waitsFor, images = [] } = this.#note;
    await host.images.settle(images, context.record.vm, this.isTarget);
    if (waitsFor?.type === "checkpoint") await this.#restore(waitsFor);
    if (waitsFor?.type !== "migration") return undefined;
    const endpoint = await listenForGuest(this.#options.control, {
      address: waitsFor.listenAddress,
      announces: this.#announces,
    });
    void this.#awaitGuest();
    return endpoint;
  }

  /** Loads the checkpoint that it was started for, and leaves it at that. */
  async standBy(): Promise<void> {
    const { waitsFor } = this.#note;
    if (waitsFor?.type === "checkpoint") await this.#load(waitsFor.id);
    this.#change({ isLoaded: true });
  }

  /** What a QEMU that is no instance's yet could not be started with. @throws and its guest stands still. */
  async wake(): Promise<void> {
    const { control, context } = this.#options;
    await Promise.all(context.record.ports.map((port) => addForward(control, PLAIN.id, port)));
    const status = await control.status();
    if (status !== "paused") throw new VerbError("failed", `QEMU says that it is in state "${status}"`);
  }

  /** Finishes what an earlier process began. */
  async takeOver(): Promise<void> {
    const { control } = this.#options;
    const { waitsFor, goesOn } = this.#note;
    if (this.isHalfRestored) return void (await control.ask("quit"));
    if (waitsFor !== undefined) return this.#awaitGuest();
    // Of one that died before it had told Ceph.
    void this.#takeImages();
    await abandonMigration(control);
    await endCopies(control, this.#options.context.folder);
    // Of one that has left, it was the sending that failed.
    if ((await control.status()) === "running") this.#change({ left: undefined, goesOn: undefined });
    else if (goesOn === true) {
      await control.resume();
      this.#change({ goesOn: undefined });
    }
  }

  async resume(): Promise<void> {
    const { control } = this.#options;
    // Asked before the words go: a guest that is still on its way keeps them. Of one that has come and was not set going, it is known.
    const status = this.#hasArrived ? "paused" : await control.status();
    const { isTarget } = this;
    if (status !== "inmigrate") this.#change({ left: undefined, waitsFor: undefined });
    this.#hasArrived = false;
    await control.resume(status);
    if (isTarget && status !== "inmigrate") void this.#takeImages();
    setTimeout(() => {
      this.#options.agent()?.greet();
      void this.#identity.refresh();
    }, FIRST_MS).unref();
  }

  /** Resolves with the downtime. */
  async migrate(request: MigrationRequest): Promise<number> {
    const { control, host } = this.#options;
    host.checkPeer(request.to.address);
    if (this.isHeld) throw new VerbError("unsupported", "it stands still");
    const { localDisk } = this.#note;
    if (localDisk !== undefined) {
      throw new VerbError("unsupported", `its disk "${localDisk}" is on this host alone: only disks of rbd move`);
    }
    const migration = new QmpMigration({
      control,
      request,
      emulated: host.emulated,
      holding: () => this.#note.goesOn ?? this.#change({ goesOn: true }),
      leaving: () => this.#change({ left: true, goesOn: undefined }),
    });
    this.#migration = migration;
    try {
      return await migration.run();
    } catch (error) {
      this.#change({ left: undefined, goesOn: undefined });
      throw error;
    } finally {
      this.#migration = undefined;
    }
  }

  cancelMigration(): void {
    this.#migration?.cancel();
  }

  /** QEMU ends when what comes is broken, and so does the instance. */
  async #awaitGuest(): Promise<void> {
    const { control, context } = this.#options;
    try {
      await untilLoaded(control);
    } catch {
      return;
    }
    if (this.#note.waitsFor === undefined) return;
    this.#hasArrived = true;
    context.report("arrived");
  }

  async checkpoint(id: string): Promise<CheckpointManifest> {
    const { control, host, context, pathOf } = this.#options;
    const { needs, image, memoryIsFile } = this.#note;
    const manifest = await makeCheckpoint({
      id,
      control,
      pathOf,
      pid: context.child.pid,
      store: host.checkpoints,
      needs: { ...needs, version: await control.version(), imageSha256: await host.facts.image(image) },
      ownMemory: memoryIsFile,
      hold: () => this.#hold(),
      disks: await disksJob({ note: this.#note, host, context, control, agent: this.#options.agent() }),
    });
    host.reader.trust(manifest);
    return manifest;
  }

  /** Stops the guest for what needs it to stand still; answers what lets it go on. */
  async #hold(): Promise<() => Promise<void>> {
    const { control } = this.#options;
    if (this.#note.waitsFor !== undefined) throw new VerbError("failed", "its guest has not come yet");
    if (this.#note.left === true) throw new VerbError("failed", "its guest was sent to another host");
    const status = await control.status();
    if (status === "running") {
      this.#change({ goesOn: true });
      await control.pause();
      return async () => {
        await control.resume();
        this.#change({ goesOn: undefined });
      };
    }
    if (status === "postmigrate") {
      // QEMU saves a guest once while it stands still; it has to run for a moment in between.
      await control.resume();
      await control.pause();
    } else if (status !== "paused") throw new VerbError("failed", `QEMU says that it is in state "${status}"`);
    return () => Promise.resolve();
  }

  async #restore({ id, identity }: Extract<LaunchOrigin, { type: "checkpoint" }>): Promise<void> {
    const { control, host, context } = this.#options;
    if (this.#note.isLoaded !== true) await this.#load(id);
    const own = this.#identity;
    // The state that was loaded says whether there is a link.
    if (identity === "fresh") await own.setLinks(false);
    await control.resume("paused");
    if (identity === "fresh") await own.give();
    else void own.refresh();
    // A guest that runs has these disks; one whose node dies before the note says so is ended, and started anew with others.
    host.disks.take(context.record.instance);
    this.#change({ waitsFor: undefined, isLoaded: undefined });
  }

  async #load(id: string): Promise<void> {
    const { control, host, connect } = this.#options;
    await loadState({ control, connect, path: host.reader.path(id, STATE_PART) });
  }

  get #identity(): GuestIdentity {
    const { control, agent, context } = this.#options;
    const { vm } = context.record;
    return new GuestIdentity({
      control,
      agent,
      record: context.record,
      cards: this.#note.cards ?? cardIdentities({ vm }),
    });
  }

  /** Its images are its own now: whom it came from may write to them no more. */
  async #takeImages(): Promise<void> {
    const { context, host } = this.#options;
    const { images = [] } = this.#note;
    if (images.every(({ before }) => before.length === 0)) return;
    const stands = (): boolean => readLease(guardFolder(context.folder)) > uptimeHundredths();
    if (!(await host.images.takeOver(images, { vm: context.record.vm, stands }))) return;
    try {
      this.#change({ images: images.map((image) => ({ ...image, before: [] })) });
    } catch {
      // It has ended meanwhile, and its folder is gone.
    }
  }

  /** A word that is set to undefined is taken away. */
  #change(change: {
    readonly [Word in "waitsFor" | "isLoaded" | "goesOn" | "left" | "images"]?: MachineNote[Word] | undefined;
  }): void {
    const next: Record<string, unknown> = { ...this.#note, ...change };
    this.#note = next as unknown as MachineNote;
    writeNote(this.#options.context.folder, this.#note);
  }
}
