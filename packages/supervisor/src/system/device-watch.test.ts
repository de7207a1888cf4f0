import { describe, expect, test } from '@jest/globals';
import type { LinkNews } from '@shardvpn/native';
import type { Log } from '../log.js';
import { DeviceKeeper } from './device-watch.js';

const UP: LinkNews = { state: 'up', lost: false, mtu: 1500 };
const DOWN: LinkNews = { state: 'down', lost: true, mtu: 1500 };
const GONE: LinkNews = { state: 'gone', lost: true, mtu: 0 };

const newLab = () => {
  const said: string[] = [];
  const say =
    (level: string) =>
    (message: string): void =>
      void said.push(`${level} ${message}`);
  const log: Log = { error: say('error'), warn: say('warn'), info: say('info'), debug: say('debug') };
  const lab = { news: UP, refuses: '', configured: 1500 };
  const act = (what: string) => (): void => {
    if (lab.refuses !== '') throw new Error(lab.refuses);
    said.push(what);
    if (what === 'reopen') lab.news = { ...UP, lost: true };
  };
  const device = { name: 'tun0', mtu: () => lab.configured, restore: act('restore'), reopen: act('reopen') };
  const hear = (): LinkNews => {
    const { news } = lab;
    // A loss is heard of once.
    if (news.state === 'up') lab.news = { ...news, lost: false };
    return news;
  };
  const keeper = new DeviceKeeper(hear, device, log);
  return {
    /** Looks often while it is like that; what was said and done. */
    look: (news: LinkNews, refuses = ''): string[] => {
      Object.assign(lab, { news, refuses });
      for (let i = 0; i < 5; i++) keeper.look();
      return said.splice(0);
    },
    configure: (mtu: number): void => void Object.assign(lab, { configured: mtu }),
  };
};

describe('device keeper', () => {
  test('says once that the device is down, and sets it up when it is back', () => {
    const { look } = newLab();
    expect(look(UP)).toEqual([]);
    expect(look(DOWN)).toEqual(['warn tun0 is down: no packet passes until it is up']);
    expect(look(UP)).toEqual(['restore', 'warn tun0 was down and is up again, with its addresses and routes']);
    expect(look(UP)).toEqual([]);
  });

  test('a moment between two looks is enough to lose routes', () => {
    expect(newLab().look({ ...UP, lost: true })).toEqual([
      'restore',
      'warn tun0 was down and is up again, with its addresses and routes',
    ]);
  });

  test('makes a deleted device anew, and takes its own doing for no loss', () => {
    expect(newLab().look(GONE)).toEqual([
      'error tun0 has been deleted',
      'reopen',
      'warn tun0 has been made anew, with its addresses and routes',
    ]);
  });

  test('tries again what is refused, says so once, and again the next time', () => {
    const { look } = newLab();
    const refused = ['error tun0 has been deleted', 'error cannot make tun0 anew: not permitted'];
    expect(look(GONE, 'not permitted')).toEqual(refused);
    expect(look(GONE)).toEqual(['reopen', 'warn tun0 has been made anew, with its addresses and routes']);
    expect(look(GONE, 'not permitted')).toEqual(refused);
  });

  test('a restore that is refused is an error with advice', () => {
    const { look } = newLab();
    look(DOWN);
    expect(look(UP, 'not permitted')).toEqual([
      'error tun0 is up again, but has lost routes or addresses; restart to set them: not permitted',
    ]);
  });

  test('tells of an MTU that others have set, and not of our own', () => {
    const { look, configure } = newLab();
    expect(look({ ...UP, mtu: 1300 })).toEqual(['warn the MTU of tun0 has been changed']);
    expect(look(UP)).toEqual(['info the MTU of tun0 is as configured again']);
    configure(1400);
    expect(look({ ...UP, mtu: 1400 })).toEqual([]);
  });
});
