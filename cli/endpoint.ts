/** A place to listen on or connect to, as people write it: `host:port`, `[::1]:port`. */
export interface Endpoint {
  readonly host: string;
  /** 0: whichever is free, only for listening. */
  readonly port: number;
}

const PORT_MAX = 65_535;

/** undefined when `text` is not `host:port`. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, bracketed, plain, port] = match;
  return Number(port) > PORT_MAX ? undefined : { host: bracketed ?? plain!, port: Number(port) };
}

/** The text that `parseEndpoint` reads. */
export function formatEndpoint({ host, port }: Endpoint): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
