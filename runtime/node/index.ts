/** The Node.js world: drivers of the runtime's ports. */
export { nodeClock } from "./node-clock.ts";
export { createNodeDispatcher } from "./node-dispatcher.ts";
export { createPinoLogger, type PinoLoggerOptions } from "./pino-logger.ts";
