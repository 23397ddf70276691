/** Where a node listens, as people write it and configurations keep it: `host:port`, `[::1]:port`. */
export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

const PORT_MAX = 65_535;

/** undefined when `text` is not `host:port`. Port 0 is read too: it means any free one, and can only be listened on. */
export function parsePeerAddress(text: string): PeerAddress | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, bracketed, plain, port] = match;
  return Number(port) > PORT_MAX ? undefined : { host: bracketed ?? plain ?? "", port: Number(port) };
}

/** The text that `parsePeerAddress` reads. */
export function formatPeerAddress({ host, port }: PeerAddress): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
