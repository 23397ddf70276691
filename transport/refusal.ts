/**
 * Why a connection is refused: one name each, for counters, logs, the close frame and tests.
 *
 * A refusal closes the connection that caused it and nothing else; no byte of it reaches an actor. The numbers travel in
 * WebSocket close frames, so they are only ever appended and a removed one stays reserved.
 */
export interface Refusal {
  readonly code: RefusalCode;
  /** What was wrong with it, for the log: "it belongs to cluster "b", this node to "a"". */
  readonly detail: string;
}

export type RefusalCode = WireRefusalCode | DoorRefusalCode;

export type WireRefusalCode = keyof typeof CLOSE_CODES;

/** Refused before there was a WebSocket to close: answered in HTTP or by ending the TCP connection. */
export type DoorRefusalCode =
  /** Not HTTP, or HTTP without a WebSocket upgrade. */
  | "not-websocket"
  /** The upgrade has an `Origin`: a web page tries to reach the cluster through its reader's browser. */
  | "from-browser"
  | "too-many-connections";

/** Close codes from 4000 to 4999 are free for applications (RFC 6455, §7.4.2). */
const CLOSE_CODES = {
  "malformed-frame": 4001,
  "unknown-frame": 4002,
  "unexpected-frame": 4003,
  "frame-too-large": 4004,
  "text-frame": 4005,
  "bad-websocket": 4006,
  "handshake-timeout": 4007,
  "handshake-too-large": 4008,
  "protocol-version": 4010,
  "wrong-cluster": 4011,
  "wrong-token": 4012,
  "wrong-node": 4013,
  "unknown-node": 4014,
  "own-node": 4015,
  "wrong-direction": 4016,
  "duplicate-node": 4017,
} as const;

/** What a WebSocket library says by itself when it cannot read on (RFC 6455, §7.4.1). */
const STANDARD_CLOSE_CODES: Readonly<Record<number, WireRefusalCode>> = {
  1002: "bad-websocket",
  1007: "bad-websocket",
  1008: "bad-websocket",
  1009: "frame-too-large",
};

/** Closing that is nobody's fault. */
export const CLOSE_SHUTDOWN = 1001;
export const CLOSE_REPLACED = 4100;

const DOOR_CODES: readonly DoorRefusalCode[] = ["not-websocket", "from-browser", "too-many-connections"];

export const REFUSAL_CODES: readonly RefusalCode[] = [
  ...(Object.keys(CLOSE_CODES) as WireRefusalCode[]),
  ...DOOR_CODES,
];

export function isWireRefusal(code: RefusalCode): code is WireRefusalCode {
  return code in CLOSE_CODES;
}

export function closeCodeOf(code: WireRefusalCode): number {
  return CLOSE_CODES[code];
}

/** The refusal that a peer's close code stands for; undefined for every other close. */
export function refusalOfCloseCode(closeCode: number): WireRefusalCode | undefined {
  const standard = STANDARD_CLOSE_CODES[closeCode];
  if (standard !== undefined) return standard;
  for (const code of Object.keys(CLOSE_CODES) as WireRefusalCode[]) {
    if (CLOSE_CODES[code] === closeCode) return code;
  }
  return undefined;
}
