import { loadProfile, problemText } from 'shardvpn';
import { clientConfig } from '../../harness/lab/configs.js';
import type { MicroCase } from '../micro-case.js';

/** A client's profile with its certificates and keys in files, read and checked. */
export function configCases(keys: string): MicroCase[] {
  const text = clientConfig(keys, [], '192.0.2.1').join('\n');
  return [
    {
      name: "config/a client's profile",
      operations: 1,
      run: () => {
        const { profile, problems } = loadProfile({ text, name: 'micro.conf' });
        if (profile === null) throw new Error(problems.map(problemText).join('\n'));
      },
    },
  ];
}
