/** What users get of the way to other nodes: remote spawn. The rest works through refs. */
export {
  SPAWNED_MAX,
  SPAWNER_PATH,
  SPAWNER_SPAWN_OPTIONS,
  spawnerActor,
  spawnOn,
  type AnyBehavior,
  type Spawnable,
  type SpawnerOptions,
  type SpawnOnRequest,
  type SpawnRefusal,
  type SpawnReply,
  type SpawnRequest,
  type SpawnResult,
} from "./spawner.ts";
