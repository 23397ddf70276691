/** Knowledge of the cluster's token, proven with HMAC-SHA-256 (RFC 2104); the token itself stays in this object. */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Prover } from "../index.ts";

const NONCE_BYTES = 32;

export function createHmacProver(token: string): Prover {
  const digest = (transcript: string): Buffer => createHmac("sha256", token).update(transcript).digest();
  return {
    prove: (transcript) => digest(transcript).toString("hex"),
    verify: (transcript, proof) => {
      const given = Buffer.from(proof, "hex");
      const wanted = digest(transcript);
      return given.length === wanted.length && timingSafeEqual(given, wanted);
    },
  };
}

/** For one handshake. */
export function freshNonce(): string {
  return randomBytes(NONCE_BYTES).toString("hex");
}
