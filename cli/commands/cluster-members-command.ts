/** `blixard cluster members|add|promote|demote|remove|transfer`: who belongs to the cluster, and who leads it. */
import type { Command } from "commander";
import { ApiError } from "../../api/api-error.ts";
import type { ApiClient, MembershipChanged } from "../../api/index.ts";
import type { CliContext } from "../cli-context.ts";
import { CliError, usageError } from "../cli-error.ts";
import { confirm } from "../confirm.ts";
import { parseEndpoint } from "../endpoint.ts";
import { EXIT } from "../exit-codes.ts";
import { renderMembers, toleranceOf } from "../output/member-table.ts";
import { renderValue } from "../output/output-format.ts";
import { Progress } from "../progress.ts";
import { waitUntilVoter } from "../wait-for-member.ts";
import { outputOption, type ShowFlags } from "./cluster-status-command.ts";
import { connect } from "./get-command.ts";
import { addWaitOptions, type WaitFlags } from "./wait-options.ts";

const MEMBER = "a node's name, or NAME@INCARNATION where it has two members";

export function addClusterMembersCommands(cluster: Command, context: CliContext): void {
  addMembers(cluster, context);
  addAdd(cluster, context);
  addPromote(cluster, context);
  addDemote(cluster, context);
  addRemove(cluster, context);
  addTransfer(cluster, context);
}

function addMembers(cluster: Command, context: CliContext): void {
  const command = cluster
    .command("members")
    .alias("list")
    .description("show who belongs to the cluster, how far each is, and how many may be lost")
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nExamples:\n  blixard cluster members\n  blixard cluster members -o json | jq .quorum.spare\n\n" +
        "VOTES is voter, learner (gets the log and does not vote) or leaving (votes until the change is done). MATCH is the last\n" +
        "index that is known to be on the member's disk, LAG what it lacks. PREFERS tells the --priority and --lease-reads of a\n" +
        "running node that has other than the defaults.",
    );
  command.action(async () => {
    const { output, ...flags } = command.optsWithGlobals<ShowFlags>();
    const list = await connect(context, flags).members.list();
    context.terminal.out.write(output === "table" ? renderMembers(list) : await renderValue(list, output));
  });
}

interface AddFlags extends WaitFlags {
  readonly address?: string;
  readonly learner?: boolean;
  readonly server?: string;
}

function addAdd(cluster: Command, context: CliContext): void {
  const command = cluster
    .command("add")
    .description("add a node: it gets the log as a learner, and votes once it has caught up")
    .argument("<name>", "the node's name, as its --name has it")
    .option("--address <host:port>", "its --listen, if the other nodes have it not in their --peers")
    .option("--learner", "let it stay a learner: a copy that does not vote")
    .addHelpText(
      "after",
      "\nExamples:\n  blixard cluster add n4 --address 10.0.0.4:7101\n  blixard cluster add n4 --address 10.0.0.4:7101 --learner\n\n" +
        "Start the node first: blixard node --name n4 --join 10.0.0.1:7201 … Repeating the command is safe, and goes on where it stopped.",
    );
  addWaitOptions(command).action(async (name: string) => {
    const flags = command.optsWithGlobals<AddFlags>();
    const { address } = flags;
    if (address !== undefined && (parseEndpoint(address)?.port ?? 0) === 0) {
      throw usageError(`Cannot add node "${name}": --address is "${address}", expected HOST:PORT.`);
    }
    const client = connect(context, flags);
    const progress = new Progress(context.terminal.err);
    const { value: member } = await progress.step(
      `Adding node ${name}`,
      async () => addLearner(client, name, address),
      (id) => id,
    );
    if (flags.learner !== true && flags.wait) {
      await progress.step(`Waiting until ${name} has caught up and votes`, async (step) =>
        waitUntilVoter(client, member, { timeoutMs: flags.timeout, onProgress: (words) => step.detail(words) }),
      );
    }
    await say(context, client, `member/${member} added`);
  });
}

/** The id of the new member, or of the one that a command before this one has added. */
async function addLearner(client: ApiClient, name: string, address: string | undefined): Promise<string> {
  try {
    return (await client.members.add({ name, ...(address === undefined ? {} : { address }) })).member;
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "already-a-member") throw error;
    const { items } = await client.members.list();
    const known = items.find(({ node, state }) => node === name && state !== "lost");
    if (known === undefined) throw error;
    return known.member;
  }
}

function addPromote(cluster: Command, context: CliContext): void {
  const command = cluster
    .command("promote")
    .description("make a learner a voter, once it has caught up")
    .argument("<member>", MEMBER)
    .addHelpText("after", "\nExamples:\n  blixard cluster promote n4");
  addWaitOptions(command).action(async (member: string) => {
    const flags = command.optsWithGlobals<WaitFlags & { readonly server?: string }>();
    const client = connect(context, flags);
    if (!flags.wait) return said(context, client, await client.members.promote(member), "promoted");
    const { value } = await new Progress(context.terminal.err).step(`Promoting ${member}`, async (step) =>
      waitUntilVoter(client, member, { timeoutMs: flags.timeout, onProgress: (words) => step.detail(words) }),
    );
    await say(context, client, `member/${value} promoted`);
  });
}

function addDemote(cluster: Command, context: CliContext): void {
  const command = cluster
    .command("demote")
    .description("make a voter a learner: it still gets the log and does not vote")
    .argument("<member>", MEMBER)
    .addHelpText("after", "\nExamples:\n  blixard cluster demote n4");
  command.action(async (member: string) => {
    const client = connect(context, command.optsWithGlobals<{ readonly server?: string }>());
    await said(context, client, await client.members.demote(member), "demoted");
  });
}

interface RemoveFlags {
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly server?: string;
}

function addRemove(cluster: Command, context: CliContext): void {
  const command = cluster
    .command("remove")
    .alias("rm")
    .description("remove a member: what it promised counts no more")
    .argument("<member>", MEMBER)
    .option("-y, --yes", "do not ask")
    .option("--force", "also where too few of the voters that are left serve: the cluster stands still until they do")
    .addHelpText(
      "after",
      "\nExamples:\n  blixard cluster remove n2\n  blixard cluster remove n2@1dqvyh50ol3p0b --yes\n\n" +
        "The removed node says so and does no harm; stop it. To take it in again, empty its data folder and add it.",
    );
  command.action(async (word: string) => {
    const flags = command.optsWithGlobals<RemoveFlags>();
    const client = connect(context, flags);
    const list = await client.members.list();
    const known = list.items.find(({ member, node }) => member === word || node === word);
    context.terminal.err.write(`${toleranceOf(list)}.\n`);
    await confirm(context, { question: `Remove member ${known?.member ?? word}?`, yes: flags.yes });
    const { force } = flags;
    const changed = await client.members.remove(word, force === undefined ? {} : { force });
    await said(context, client, changed, "removed");
    await forget(context, client, changed.member);
  });
}

/** A node without member is of no use in the map either; one that still holds a lease goes when that ends. */
async function forget({ terminal }: CliContext, client: ApiClient, member: string): Promise<void> {
  const [node = member] = member.split("@");
  const { items } = await client.members.list();
  if (items.some((other) => other.node === node)) return;
  try {
    await client.nodes.remove(node);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.code !== "conflict") return;
    terminal.err.write(`Node ${node} still runs, and its VMs with it: stop it, and they move.\n`);
  }
}

function addTransfer(cluster: Command, context: CliContext): void {
  const command = cluster
    .command("transfer")
    .description("hand leadership over, to the one that is named or to the furthest")
    .argument("[member]", MEMBER)
    .option("--force", "do not wait until it has caught up: it may fail, and another one lead")
    .addHelpText("after", "\nExamples:\n  blixard cluster transfer\n  blixard cluster transfer n3");
  command.action(async (to: string | undefined) => {
    const { force, server } = command.optsWithGlobals<{ readonly force?: boolean; readonly server?: string }>();
    const client = connect(context, server === undefined ? {} : { server });
    const transferred = await client.members.transfer({
      ...(to === undefined ? {} : { to }),
      ...(force === undefined ? {} : { force }),
    });
    const { from, to: leader, done } = transferred;
    if (!done) {
      throw new CliError(EXIT.timeout, `Leadership was to go to node ${leader}, which does not lead yet.`, {
        hint: 'See who leads with "blixard cluster status".',
      });
    }
    context.terminal.out.write(
      from === leader ? `${leader} leads already\n` : `${leader} leads, after ${from ?? "nobody"}\n`,
    );
  });
}

/** What came of a change; one that is not done yet is no success. */
async function said(context: CliContext, client: ApiClient, changed: MembershipChanged, verb: string): Promise<void> {
  if (!changed.done) {
    const message = `The change is in the log at index ${changed.index}, and not done yet: too few members answer.`;
    throw new CliError(EXIT.timeout, message, { hint: 'See "blixard cluster members"; it goes on by itself.' });
  }
  await say(context, client, `member/${changed.member} ${verb}`);
}

async function say({ terminal }: CliContext, client: ApiClient, words: string): Promise<void> {
  terminal.out.write(`${words}\n`);
  // What the change means is worth a look, and no reason to fail after it.
  const list = await client.members.list().catch(() => undefined);
  if (list !== undefined) terminal.err.write(`${toleranceOf(list)}.\n`);
}
