import type { Log } from '../log.js';
import { startError } from './start-error.js';

/** The calls of `process` that change who this process is. */
export type ProcessIdentity = Pick<NodeJS.Process, 'setuid' | 'setgid' | 'setgroups' | 'getuid'>;

/**
 * Becomes the `user` and `group` of the configuration, in the order that leaves no way back: groups, then gid, then uid.
 * A `user` alone keeps the gid, as openvpn does, but not the supplementary groups.
 */
export const dropPrivileges = (
  { user, group }: { readonly user: string | null; readonly group: string | null },
  log: Log,
  self: ProcessIdentity = process,
): void => {
  if (user === null && group === null) return;
  if (self.getuid?.() !== 0) {
    log.warn('"user" and "group" have no effect: not started as root');
    return;
  }
  try {
    if (group !== null) {
      self.setgroups?.([group]);
      self.setgid?.(group);
    } else {
      self.setgroups?.([]);
    }
    if (user !== null) self.setuid?.(user);
  } catch (error) {
    const wanted = [user && `user "${user}"`, group && `group "${group}"`].filter(Boolean).join(' with ');
    throw startError('config/cannot-drop-privileges', `cannot become ${wanted}`, error, {
      ERR_UNKNOWN_CREDENTIAL: 'create it, or correct "user" and "group"',
    });
  }
  log.info('privileges dropped', { ...(user !== null && { user }), ...(group !== null && { group }) });
};
