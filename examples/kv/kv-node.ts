/**
 * One node of the store as a process: the library embedded. Wires the ports of Node.js to the actors, serves clients, and ends on
 * SIGTERM or SIGINT.
 *
 *     node examples/kv/kv-node.ts --name n1 --listen 127.0.0.1:7001 --serve 127.0.0.1:8001 --data /tmp/kv/n1 \
 *       --peers n1=127.0.0.1:7001/127.0.0.1:8001,n2=127.0.0.1:7002/127.0.0.1:8002,n3=127.0.0.1:7003/127.0.0.1:8003
 *
 * Prints one JSON object when it serves.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startKv } from "./kv-store.ts";

/** Of nodes on one machine, which anybody there could join anyway; across machines give `--token`. */
const LOOPBACK_TOKEN = "the store of the examples, on loopback";

interface Peer {
  readonly listen: Address;
  readonly serve: Address;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

const USAGE = `Usage: node examples/kv/kv-node.ts --name NAME --listen HOST:PORT --serve HOST:PORT --data FOLDER
         --peers NAME=LISTEN/SERVE,…  [--token TEXT] [--snapshot-every ENTRIES] [--keep-entries ENTRIES]
         [--lease-reads] [--verbose]

--peers names every node that makes the cluster, this one too.
--lease-reads: the leader reads without asking the others while their clocks keep within 1 %; give it to every node or to none.`;

function parseAddress(text: string | undefined, what: string): Address {
  const at = text?.lastIndexOf(":") ?? -1;
  const port = Number(text?.slice(at + 1));
  if (text === undefined || at < 1 || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new RangeError(`Cannot use ${what} "${text ?? ""}": wanted HOST:PORT`);
  }
  return { host: text.slice(0, at), port };
}

function parsePeers(text: string): ReadonlyMap<string, Peer> {
  return new Map(
    text.split(",").map((peer) => {
      const [name = "", addresses = ""] = peer.split("=");
      const [listen, serve] = addresses.split("/");
      return [name, { listen: parseAddress(listen, `peer ${name}`), serve: parseAddress(serve, `peer ${name}`) }];
    }),
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      name: { type: "string" },
      listen: { type: "string" },
      serve: { type: "string" },
      data: { type: "string" },
      peers: { type: "string" },
      token: { type: "string", default: LOOPBACK_TOKEN },
      "snapshot-every": { type: "string" },
      "keep-entries": { type: "string" },
      "lease-reads": { type: "boolean", default: false },
      verbose: { type: "boolean", default: false },
    },
  });
  const { name, data, peers: peersText } = values;
  if (name === undefined || data === undefined || peersText === undefined) {
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }
  const peers = parsePeers(peersText);
  mkdirSync(join(data), { recursive: true });
  const node = await startKv({
    name,
    data,
    token: values.token,
    listen: parseAddress(values.listen, "--listen"),
    serve: parseAddress(values.serve, "--serve"),
    peers,
    leaseReads: values["lease-reads"],
    verbose: values.verbose,
    onFailed: () => process.exit(1),
    ...(values["snapshot-every"] !== undefined && { snapshotEvery: Number(values["snapshot-every"]) }),
    ...(values["keep-entries"] !== undefined && { keepEntries: Number(values["keep-entries"]) }),
  });
  console.log(JSON.stringify({ node: name, listen: node.listenPort, serve: node.servePort }));
  const end = (): void => {
    void node.close().then(() => process.exit());
  };
  process.once("SIGTERM", end);
  process.once("SIGINT", end);
}

await main();
