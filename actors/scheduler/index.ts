/** Gives VMs their nodes. See README.md. */
export { planDrain } from "./drain-plan.ts";
export { planMigration, type MigrationPlan, type NoMigrationPlan } from "./migration-plan.ts";
export { EXPLAINED_NODES_MAX } from "./feasible.ts";
export { makePlan, PLAN_COMMANDS_MAX, type Plan, type SchedulerView } from "./plan.ts";
export { schedulerActor, type SchedulerMessage, type SchedulerOptions } from "./scheduler-actor.ts";
