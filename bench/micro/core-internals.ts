import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../harness/root.js';

/** A built module of the core that is not part of its face. */
export const coreModule = async <Module>(name: string): Promise<Module> =>
  (await import(pathToFileURL(join(ROOT, 'packages/core/dist', `${name}.js`)).href)) as Module;
