/** Groups: actors that can be found by what they do. See README.md. */
export {
  findGroup,
  joinGroup,
  leaveGroup,
  unwatchGroup,
  watchGroup,
  type FindRequest,
  type JoinOptions,
} from "./group-functions.ts";
export type { GroupScope } from "./receptionist-message.ts";
export { spawnReceptionist } from "./receptionist.ts";
export { serviceKey, type ServiceKey } from "./service-key.ts";
