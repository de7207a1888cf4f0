import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { asPeerId } from '../ids.js';
import { encodeControlMessage, MAX_CONTROL_MESSAGE_LENGTH, parseControlMessage } from '../wire/control-message.js';
import { encodeText } from '../wire/text.js';
import { clientFeatures } from './features.js';
import { encodePushReply, pushOptionFault, pushOptions } from './push-reply.js';
import { type PushedOptions, PushReplyCollector } from './pushed-options.js';

const INPUT = {
  global: ['route 10.1.0.0 255.255.0.0', 'ping 10', 'ping-restart 60'],
  lease: {
    ipv4: { address: '10.8.0.2', netmask: '255.255.255.0' },
    ipv6: { address: 'fd00::1000', bits: 64, gateway: 'fd00::1' },
    push: ['dhcp-option DNS 10.8.0.1'],
  },
  peerId: asPeerId(5),
  cipher: 'AES-256-GCM',
  features: clientFeatures(
    new Map([
      ['IV_PROTO', '990'],
      ['IV_MTU', '1600'],
    ]),
  ),
  format: 'aead',
  tunMtu: 1500,
} as const;

const collect = (messages: readonly string[]): PushedOptions | undefined => {
  const collector = new PushReplyCollector([]);
  const results = messages.map((text) => {
    const message = parseControlMessage(text);
    return message.type === 'push-reply' ? collector.handlePart(message.options) : undefined;
  });
  expect(results.slice(0, -1).every((result) => result === undefined)).toBe(true);
  return results.at(-1);
};

describe('the options of a PUSH_REPLY [wire 15]', () => {
  test('for a 2.6 client', () => {
    expect(encodePushReply(pushOptions(INPUT))).toEqual([
      'PUSH_REPLY,route 10.1.0.0 255.255.0.0,ping 10,ping-restart 60,dhcp-option DNS 10.8.0.1,' +
        'ifconfig-ipv6 fd00::1000/64 fd00::1,ifconfig 10.8.0.2 255.255.255.0,peer-id 5,cipher AES-256-GCM,' +
        'protocol-flags cc-exit tls-ekm dyn-tls-crypt,tun-mtu 1500',
    ]);
  });

  test('for a client in the epoch format', () => {
    const features = clientFeatures(new Map([['IV_PROTO', '8094']]));
    const options = pushOptions({ ...INPUT, features, format: 'epoch' });
    expect(options.at(-1)).toBe('protocol-flags cc-exit tls-ekm dyn-tls-crypt aead-epoch');
    expect(collect(encodePushReply(options))).toMatchObject({ dataEpoch: true, unknownFlags: [] });
    expect(collect(encodePushReply(pushOptions({ ...INPUT, features })))?.dataEpoch).toBe(false);
  });

  test('for a client that announced nothing', () => {
    const options = pushOptions({
      ...INPUT,
      global: [],
      lease: { ...INPUT.lease, ipv6: null, push: [] },
      cipher: null,
      features: clientFeatures(new Map()),
    });
    expect(options).toEqual(['ifconfig 10.8.0.2 255.255.255.0']);
  });

  test('the tun-mtu is never more than the client takes', () => {
    const features = { ...INPUT.features, maxTunMtu: 1400 };
    expect(pushOptions({ ...INPUT, features }).at(-1)).toBe('tun-mtu 1400');
  });

  test('a client reads back what concerns it', () => {
    expect(collect(encodePushReply(pushOptions(INPUT)))).toMatchObject({
      all: pushOptions(INPUT),
      peerId: 5,
      cipher: 'AES-256-GCM',
      keyDerivation: 'tls-ekm',
      exitNotify: true,
      dynamicTlsCrypt: true,
      unknownFlags: [],
      ifconfig: { address: '10.8.0.2', netmask: '255.255.255.0' },
      ifconfigIpv6: { address: 'fd00::1000', bits: 64, gateway: 'fd00::1' },
      tunMtu: 1500,
      ping: 10,
      silence: { seconds: 60, exits: false },
      inactive: null,
      sessionTimeout: null,
    });
  });

  test('a client notices flags it does not know, and the older way to ask for EKM', () => {
    expect(collect(['PUSH_REPLY,protocol-flags cc-exit newer-flag'])).toMatchObject({ unknownFlags: ['newer-flag'] });
    expect(collect(['PUSH_REPLY,key-derivation tls-ekm'])).toMatchObject({ keyDerivation: 'tls-ekm' });
  });
});

describe('splitting a PUSH_REPLY', () => {
  test('an empty reply still holds an option', () => {
    const messages = encodePushReply([]);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toMatch(/^PUSH_REPLY,./);
  });

  test('fills the parts up to 939 bytes and marks all but the last with 2', () => {
    const option = (length: number) => 'x'.repeat(length);
    const messages = encodePushReply([
      ...Array<string>(4).fill(option(185)),
      option(184),
      'route 1.1.1.1',
      option(255),
    ]);
    expect(messages.map((message) => message.split(',').length)).toEqual([7, 4]);
    expect(messages.map((message) => message.length)).toEqual([939 + 20, 11 + 13 + 1 + 255 + 20]);
    expect(messages.map((message) => message.slice(-19))).toEqual(['push-continuation 2', 'push-continuation 1']);
  });

  test('every part fits, and the parts make the whole', () => {
    const unit = fc.constantFrom('a', '7', '.', ' ', 'ü', '€');
    const option = fc.string({ unit, maxLength: 80 }).map((text) => `setenv ${text}`);
    const options = fc.array(option, { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(options, (list) => {
        const messages = encodePushReply(list);
        for (const message of messages) {
          expect(encodeControlMessage(message).length).toBeLessThanOrEqual(MAX_CONTROL_MESSAGE_LENGTH);
          expect(encodeText(message.replace(/,push-continuation [12]$/, '')).length).toBeLessThan(1024 - 84);
          expect(message.startsWith('PUSH_REPLY,')).toBe(true);
        }
        expect(messages.map((message) => /push-continuation (\d)$/.exec(message)?.[1])).toEqual(
          messages.length === 1 ? [undefined] : [...Array(messages.length - 1).fill('2'), '1'],
        );
        expect(collect(messages)?.all).toEqual(list);
      }),
    );
  });

  test.each([
    ['', 'not empty'],
    ['route 1,2', 'commas'],
    ['a\nb', 'control characters'],
    ['x'.repeat(256), '256 bytes'],
    ['ü'.repeat(128), '256 bytes'],
  ])('%j cannot be pushed', (option, reason) => {
    expect(pushOptionFault(option)).toContain(reason);
    expect(() => encodePushReply([option])).toThrow(reason);
  });

  test('255 bytes can', () => {
    expect(pushOptionFault('x'.repeat(255))).toBeNull();
  });

  test('a reply without end is not collected for ever', () => {
    const collector = new PushReplyCollector([]);
    const part = [...Array<string>(20).fill('route 1.1.1.1'), 'push-continuation 2'];
    for (let i = 0; i < 1000; i++) {
      expect(collector.handlePart(part)).toBeUndefined();
    }
    expect(collector.handlePart(part.slice(0, 1))).toBeUndefined();
  });
});

test('pull-filter: the first that fits decides what counts, and nothing is hidden', () => {
  const collector = new PushReplyCollector([
    { action: 'accept', start: 'ping 1' },
    { action: 'ignore', start: 'ping' },
    { action: 'ignore', start: 'ifconfig-ipv6' },
  ]);
  const all = ['ping 10', 'ping-restart 60', 'ifconfig-ipv6 fd00::2/64 fd00::1', 'auth-token secret'];
  expect(collector.handlePart(all)).toMatchObject({
    all,
    ping: 10,
    silence: null,
    ifconfigIpv6: null,
    framing: null,
    authToken: 'secret',
  });
});
