/** A topic names a stream of messages of one type, for whoever subscribes. */
import { isKeyId, serviceKey, type ServiceKey } from "../groups/service-key.ts";

declare const messageType: unique symbol;

/** A name that messages of one type are published under. */
export interface Topic<in out M> {
  readonly id: string;
  /** Whether what another node published is of this type. */
  readonly accepts?: (message: unknown) => message is M;
  /** Only for the compiler: topics of different message types are different types. */
  readonly [messageType]?: (message: M) => M;
}

const ID_LENGTH_MAX = 180;

const GROUP_PREFIX = "topic/";

/**
 * The topic `id`: 1 to 180 letters, digits, `_`, `.`, `:`, `/` and `-`. With `accepts`, a message of another node that it refuses is
 * a dead letter of the subscriber's node; without, all are delivered.
 *
 * @throws for any other id.
 */
export function topic<M>(id: string, accepts?: (message: unknown) => message is M): Topic<M> {
  const isId: boolean = isTopicId(id);
  if (!isId) {
    throw new Error(`Cannot make the topic "${id}": an id is 1 to 180 letters, digits, "_", ".", ":", "/" and "-"`);
  }
  return accepts === undefined ? { id } : { id, accepts };
}

export function isTopicId(value: unknown): value is string {
  return isKeyId(value) && value.length <= ID_LENGTH_MAX;
}

/** The group of the `topics` actors whose nodes have subscribers. */
export function groupOf<M>(id: string): ServiceKey<M> {
  return serviceKey<M>(`${GROUP_PREFIX}${id}`);
}
