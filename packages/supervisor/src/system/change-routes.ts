import { isDeepStrictEqual } from 'node:util';
import type { RouteNative } from '../client/client-native.js';
import type { ServerConfig } from '../config/server-config.js';

type Routes = ServerConfig['routes'];

export interface RouteChange {
  readonly inForce: Routes;
  /** One line for each route that the kernel refused. */
  readonly problems: readonly string[];
}

/** Makes the kernel's routes into `device` those of `wanted`; the ones that stay are not touched. */
export const changeRoutes = (
  native: Pick<RouteNative, 'addRoute' | 'removeRoute'>,
  device: string,
  before: Routes,
  wanted: Routes,
): RouteChange => {
  const problems: string[] = [];
  const attempt = (change: () => void, harmless: string): boolean => {
    try {
      change();
      return true;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === harmless) return true;
      problems.push(message);
      return false;
    }
  };
  const gone = without(before, wanted);
  const kept = gone.filter((route) => !attempt(() => native.removeRoute(device, route), NO_SUCH_ROUTE));
  const added = without(wanted, before).filter((route) => attempt(() => native.addRoute(device, route), ''));
  return { inForce: [...before.filter((route) => !gone.includes(route) || kept.includes(route)), ...added], problems };
};

/** Somebody else has taken it away. */
const NO_SUCH_ROUTE = 'ESRCH';

const without = (routes: Routes, others: Routes): Routes =>
  routes.filter((route) => !others.some((other) => isDeepStrictEqual(route, other)));
