import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { proveKvm, type KvmProof } from "../../../../runtime/node/index.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "blixard-kvm-"));
  mkdirSync(join(folder, "images/base"), { recursive: true });
  writeFileSync(join(folder, "images/base/kernel"), "");
  writeFileSync(join(folder, "kvm"), "");
});

afterEach(() => rmSync(folder, { recursive: true }));

/** `script` stands for QEMU; each run leaves a line in `runs`. */
function prove(script: string, { device = join(folder, "kvm"), timeoutMs = 5_000 } = {}): Promise<KvmProof> {
  const qemu = join(folder, "qemu");
  writeFileSync(qemu, `#!/bin/sh\necho run >>${join(folder, "runs")}\n${script}\n`, { mode: 0o755 });
  return proveKvm({
    cacheDir: join(folder, "cache"),
    imagesDir: join(folder, "images"),
    image: "base",
    qemu,
    device,
    timeoutMs,
  });
}

test("proveKvm() believes a guest that speaks", async () => {
  const script = "echo '[    0.000000] Linux version 6.1.0'; exec sleep 30";
  expect(await prove(script)).toMatchObject({ works: true });
});

test("proveKvm() does not believe a guest that hangs", async () => {
  expect(await prove("exec sleep 30", { timeoutMs: 100 })).toEqual({
    works: false,
    detail: "a guest under KVM said nothing in 100 ms",
  });
});

test("proveKvm() does not believe a QEMU that aborts, and says what it said", async () => {
  const proof = await prove("echo 'kvm_buf_set_msrs: Assertion failed' >&2; exit 134");
  expect(proof).toMatchObject({ works: false, detail: expect.stringContaining("kvm_buf_set_msrs") });
});

test("proveKvm() starts nothing without the device", async () => {
  expect(await prove("echo Linux version", { device: join(folder, "absent") })).toMatchObject({ works: false });
  expect(() => readFileSync(join(folder, "runs"))).toThrow("ENOENT");
});

test("proveKvm() keeps its answer, good or bad", async () => {
  const options = {
    cacheDir: join(folder, "cache"),
    imagesDir: join(folder, "images"),
    image: "base",
    qemu: join(folder, "qemu"),
    device: join(folder, "kvm"),
    timeoutMs: 1_000,
  };
  await prove("exit 1");
  expect(await proveKvm(options)).toMatchObject({ works: false });
  expect(readFileSync(join(folder, "runs"), "utf8")).toBe("run\n");
});
