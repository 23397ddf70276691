/** One actor in the whole cluster. See README.md. */
export { startSingleton, type Singleton, type SingletonOptions } from "./start-singleton.ts";
