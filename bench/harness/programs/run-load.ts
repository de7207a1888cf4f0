/** The load generator's command line without the build that bench/load/load.mjs does first. */
import { main } from '../../load/main.js';

process.exitCode = await main(process.argv.slice(2));
