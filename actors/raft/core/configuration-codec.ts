/**
 * A configuration as the payload of a log entry or in a snapshot's head, and back.
 *
 * JSON: a configuration is written seldom and is read by people who look into a log. Decoding trusts nothing, since a
 * configuration that is wrong counts quorums wrongly; what it does not know it leaves out, for versions to come.
 */
import { jsonCodec } from "../../../runtime/json-codec.ts";
import { configurationFault, type Configuration } from "./configuration.ts";

/** A configuration as the payload of an entry, or in the head of a snapshot. */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const { voters, votersOutgoing, learners, learnersNext, autoLeave, addresses, askedBy } = configuration;
  const asked = askedBy === undefined ? {} : { askedBy };
  return jsonCodec.encode({ voters, votersOutgoing, learners, learnersNext, autoLeave, addresses, ...asked });
}

/** @throws {RangeError} when the bytes are no configuration, or a wrong one (`configurationFault`). */
export function decodeConfiguration(bytes: Uint8Array): Configuration {
  const refuse = (why: string): never => {
    throw new RangeError(`Cannot read a Raft configuration of ${bytes.length} bytes: ${why}`);
  };
  const value = parse(bytes);
  if (typeof value !== "object" || value === null) return refuse("they are no JSON object");
  const fields = value as Readonly<Record<string, unknown>>;
  const list = (name: string): readonly string[] => {
    const found = fields[name];
    const isList = Array.isArray(found) && found.every((member) => typeof member === "string");
    return isList ? found : refuse(`${name} is no list of members`);
  };
  const { autoLeave, addresses, askedBy } = fields;
  if (typeof autoLeave !== "boolean") return refuse("autoLeave is no boolean");
  if (!isAddresses(addresses)) return refuse("addresses is no record of texts");
  const configuration: Configuration = {
    voters: list("voters"),
    votersOutgoing: list("votersOutgoing"),
    learners: list("learners"),
    learnersNext: list("learnersNext"),
    autoLeave,
    addresses: { ...addresses },
    ...(typeof askedBy === "string" && { askedBy }),
  };
  const fault = configurationFault(configuration);
  return fault === null ? configuration : refuse(fault);
}

function parse(bytes: Uint8Array): unknown {
  try {
    return jsonCodec.decode(bytes);
  } catch {
    return undefined;
  }
}

function isAddresses(value: unknown): value is Readonly<Record<string, string>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((address) => typeof address === "string");
}
