/** A place to listen on or connect to, as people write it: `host:port`, `[::1]:port`. Port 0, whichever is free, only to listen on. */
export {
  formatPeerAddress as formatEndpoint,
  parsePeerAddress as parseEndpoint,
  type PeerAddress as Endpoint,
} from "../transport/peer-address.ts";
