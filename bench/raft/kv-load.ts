/** The load's connection to the key-value store of the examples. */
import { encodeCommand, encodeQuery } from "../../examples/kv/kv-command.ts";
import { KvConnection } from "../../examples/kv/kv-connection.ts";
import { OUTCOMES, REQUEST_KINDS } from "../../examples/kv/kv-protocol.ts";
import type { LoadConnection } from "./load.ts";

export async function openKv(url: string): Promise<LoadConnection> {
  const connection = await KvConnection.open(url);
  return {
    put(key, value, done) {
      connection.send(REQUEST_KINDS.write, encodeCommand({ type: "put", key, value }), ({ outcome }) =>
        done(outcome === OUTCOMES.ok),
      );
    },
    get(key, done) {
      connection.send(REQUEST_KINDS.read, encodeQuery(key), ({ outcome, bytes }) =>
        done(outcome === OUTCOMES.ok && bytes[0] === 1),
      );
    },
    close: () => connection.close(),
  };
}
