import { removeFolder, sweep } from './sweep.mjs';

export default async function globalTeardown() {
  sweep(process.env.INTEROP_PREFIX);
  if (process.env.INTEROP_KEEP) console.log(`logs and keys: ${process.env.INTEROP_DIR}`);
  else removeFolder(process.env.INTEROP_DIR);
}
