/** Clients that come, move and go; `--help` says how. Built by bench/load/build.mjs and `npm run build`. */
import { main } from '../../load/churn/main.js';

process.exitCode = await main(process.argv.slice(2));
