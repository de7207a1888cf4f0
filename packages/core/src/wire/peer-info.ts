import { hasControlCharacter } from './text.js';

/** Names longer than any real list; the rest of a flood is ignored. */
const MAX_ENTRIES = 128;

/** `NAME=value` lines of a client. Lines of another form are ignored, of equal names the first one counts. [wire 14] */
export const parsePeerInfo = (text: string): ReadonlyMap<string, string> => {
  const info = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([A-Za-z0-9_]{1,64})=(.*)$/s.exec(line.endsWith('\r') ? line.slice(0, -1) : line);
    const [, name, value] = match ?? [];
    if (name === undefined || value === undefined || hasControlCharacter(value)) {
      continue;
    }
    if (!info.has(name) && info.size < MAX_ENTRIES) {
      info.set(name, value);
    }
  }
  return info;
};

/** Every line is ended by a newline. [wire 11] */
export const formatPeerInfo = (info: ReadonlyMap<string, string>): string =>
  [...info].map(([name, value]) => `${name}=${value}\n`).join('');
