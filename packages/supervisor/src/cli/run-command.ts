import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { VERSION } from '../version.js';
import { check } from './check.js';
import { addClient, type ClientOptions, listClients, revokeClient } from './client.js';
import { complain } from './complain.js';
import { type ClientChoice, type KickChoice, kick, pushUpdate } from './control-clients.js';
import { type GenkeyOptions, genkey, KEY_KINDS, type KeyKind } from './genkey.js';
import { type QuickstartOptions, quickstart } from './quickstart.js';
import { reload } from './reload.js';
import { serve } from './serve.js';
import { upgrade } from './upgrade.js';

/** Runs one of the commands and resolves to the exit code. What is wrong with the words is told; other faults reject. */
export const runCommand = async (words: readonly string[]): Promise<number> => {
  let exitCode = 0;
  const program = buildProgram((code) => {
    exitCode = code;
  });
  if (words.length === 0) {
    program.outputHelp();
    return 1;
  }
  try {
    await program.parseAsync([...words], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    throw error;
  }
  return exitCode;
};

const buildProgram = (setExitCode: (code: number) => void): Command => {
  const program = new Command('shardvpn')
    .description('An OpenVPN-compatible server that uses the whole machine')
    .usage('--config server.conf [--directive value ...]\n       shardvpn server.conf\n       shardvpn COMMAND')
    .version(VERSION, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .configureOutput({ outputError: (text) => complain(`shardvpn: ${text.trim().replace(/^error: /, '')}`) })
    .exitOverride();
  program
    .command('quickstart')
    .description('make certificates and a first client on the first run, then serve')
    .addOption(dataDirOption())
    .option('--port <port>', 'UDP port', numberFrom(1, 65535))
    .option('--remote <host[:port]>', 'what clients connect to (default: the first address of this machine)')
    .option('--workers <n>', 'number of shards (default: one for each processor)', numberFrom(1, 256))
    .action(async (options: QuickstartOptions) => setExitCode(await quickstart(options)));
  program
    .command('check')
    .description('tell everything that is wrong with a server.conf')
    .argument('<file>')
    .action((file: string) => setExitCode(check(['--config', file])));
  program
    .command('serve')
    .description('serve a server.conf, as with --config')
    .argument('<file>')
    .action(async (file: string) => setExitCode(await serve({ arguments: ['--config', file] })));
  program
    .command('reload')
    .description('let the running server read its server.conf again; clients stay connected')
    .argument('<file>')
    .action(async (file: string) => setExitCode(await reload(file)));
  program
    .command('upgrade')
    .description('let the program as it is installed now take over from the running server; clients stay connected')
    .argument('<file>')
    .action(async (file: string) => setExitCode(await upgrade(file)));
  program
    .command('connect')
    .description('connect to a server as a client, with a profile')
    .argument('<profile>')
    .argument('[directives...]', '--directive value ..., as in the profile')
    // With a profile it never comes here.
    .action(() => setExitCode(1));
  program
    .command('genkey')
    .description('make a key of tls-auth, tls-crypt, tls-crypt-v2 or auth-gen-token, as openvpn --genkey does')
    .addArgument(new Argument('<kind>').choices(KEY_KINDS))
    .argument('[file]', 'where it goes (default: standard output)')
    .option('--tls-crypt-v2 <file>', 'the key of the server that a client key is for')
    .option('--metadata <base64>', 'what the server is to find in a client key (default: the time)')
    .action((kind: KeyKind, file: string | undefined, options: GenkeyOptions) => genkey(kind, file, options));
  addControlCommands(program, setExitCode);
  addClientCommands(program.command('client').description('clients of the quickstart server'));
  return program;
};

const addControlCommands = (program: Command, setExitCode: (code: number) => void): void => {
  program
    .command('push-update')
    .description('give connected clients new routes, DNS or addresses, for example: -- "route 10.9.0.0 255.255.0.0"')
    .argument('<file>')
    .argument('<options...>', 'as in push lines; -NAME removes, ?NAME is optional; behind -- where one starts with -')
    .option('--client <name>', 'everybody of this name')
    .option('--all', 'everybody')
    .action(async (file: string, options: string[], choice: ClientChoice) =>
      setExitCode(await pushUpdate(file, options, choice)),
    );
  program
    .command('kick')
    .description('end the connections of clients')
    .argument('<file>')
    .option('--client <name>', 'everybody of this name')
    .option('--all', 'everybody')
    .option('--reconnect', 'they are to connect again')
    .option('--next-server', 'and to try the next server of their list')
    .option('--text <text>', 'what their users are shown')
    .action(async (file: string, choice: KickChoice) => setExitCode(await kick(file, choice)));
};

const addClientCommands = (client: Command): void => {
  client
    .command('add')
    .description('issue a certificate and write the profile of a client')
    .argument('<name>')
    .option('--remote <host[:port]>', 'what the client connects to (default: as the first client)')
    .addOption(dataDirOption())
    .action((name: string, options: ClientOptions & { remote?: string }) => addClient(name, options));
  client
    .command('list')
    .description('list the clients')
    .addOption(dataDirOption())
    .action((options: ClientOptions) => listClients(options));
  client
    .command('revoke')
    .description("revoke a client's certificate; a connected client is dropped")
    .argument('<name>')
    .addOption(dataDirOption())
    .action((name: string, options: ClientOptions) => revokeClient(name, options));
};

const dataDirOption = (): Option =>
  new Option('--data-dir <directory>', 'where certificates and profiles are kept').default('./shardvpn-data');

const numberFrom =
  (min: number, max: number) =>
  (text: string): number => {
    const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`It is a number from ${min} to ${max}.`);
    return value;
  };
