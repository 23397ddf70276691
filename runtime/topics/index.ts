/** Topics: publish and subscribe over the nodes. See README.md. */
export { publish, subscribe, unsubscribe, type Publisher, type SubscribeOptions } from "./topic-functions.ts";
export { topic, type Topic } from "./topic.ts";
export { spawnTopics } from "./topics-actor.ts";
