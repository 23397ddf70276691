/** Debian's etcd as a cluster of three processes on loopback, at its defaults; null where it is not installed. */
import { execFile, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { findExecutable } from "../../runtime/node/find-executable.ts";
import { freePorts } from "./free-ports.ts";
import { endProcess, type MeasuredSystem } from "./measured-system.ts";

const START_MS = 20_000;
const POLL_MS = 100;

interface EtcdStatus {
  readonly header: { readonly member_id: string };
  readonly leader?: string;
}

export async function startEtcd(folder: string): Promise<MeasuredSystem | null> {
  const program = await findExecutable("etcd");
  if (program === undefined) return null;
  const { stdout } = await promisify(execFile)(program, ["--version"]);
  const names = ["e1", "e2", "e3"];
  const ports = await freePorts(2 * names.length);
  const peerUrl = (at: number): string => `http://127.0.0.1:${ports[at]}`;
  const address = (at: number): string => `127.0.0.1:${ports[names.length + at]}`;
  const processes = names.map((name, at) => {
    const data = join(folder, name);
    mkdirSync(data, { recursive: true, mode: 0o700 });
    const flags = {
      name,
      "data-dir": data,
      "listen-peer-urls": peerUrl(at),
      "initial-advertise-peer-urls": peerUrl(at),
      "listen-client-urls": `http://${address(at)}`,
      "advertise-client-urls": `http://${address(at)}`,
      "initial-cluster": names.map((peer, i) => `${peer}=${peerUrl(i)}`).join(","),
      "initial-cluster-state": "new",
      "log-level": "error",
    };
    return spawn(
      program,
      Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]),
      { stdio: "ignore" },
    );
  });
  const stop = async (): Promise<void> => {
    await Promise.all(processes.map((child) => endProcess(child)));
  };
  try {
    const leader = await leaderOf(names.map((_, at) => address(at)));
    return {
      name: stdout.split("\n")[0]?.replace(" Version: ", " ").trim() ?? "etcd",
      system: "etcd",
      leaderAddress: async () => leader,
      pids: processes.map(({ pid }) => pid ?? 0),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function leaderOf(addresses: readonly string[]): Promise<string> {
  const endMs = performance.now() + START_MS;
  while (performance.now() < endMs) {
    for (const address of addresses) {
      const status = await statusOf(address);
      if (status?.leader !== undefined && status.leader === status.header.member_id) return address;
    }
    await pause(POLL_MS);
  }
  throw new Error(`etcd has no leader after ${START_MS / 1000} s`);
}

async function statusOf(address: string): Promise<EtcdStatus | null> {
  try {
    const response = await fetch(`http://${address}/v3/maintenance/status`, { method: "POST", body: "{}" });
    return response.ok ? ((await response.json()) as EtcdStatus) : null;
  } catch {
    return null;
  }
}
