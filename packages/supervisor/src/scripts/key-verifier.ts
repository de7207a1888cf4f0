import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyQuestion, KeyVerdict } from '@shardvpn/core';
import type { ToShard } from '@shardvpn/worker';
import type { ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import { OnceAMinute } from '../once-a-minute.js';
import type { ScriptRunner } from './script-runner.js';

export type KeyVerifierConfig = Pick<ServerConfig, 'tlsCryptV2Verify' | 'tmpDir'>;

export interface KeyVerifierPorts {
  readonly runner: Pick<ScriptRunner, 'run'>;
  readonly send: (shard: number, message: ToShard) => void;
  readonly log: Log;
}

/** Puts the shards' questions about clients' keys to the command of `tls-crypt-v2-verify`. [wire 8] */
export class KeyVerifier {
  readonly #ports: KeyVerifierPorts;
  #config: KeyVerifierConfig;
  /** Shards that wait, by key. */
  #asked = new Map<string, Set<number>>();
  readonly #faults = new OnceAMinute();

  constructor(config: KeyVerifierConfig, ports: KeyVerifierPorts) {
    this.#config = config;
    this.#ports = ports;
  }

  /** For the questions from now on. */
  reconfigure(config: KeyVerifierConfig): void {
    this.#config = config;
    this.#asked = new Map();
  }

  /** One run answers every shard that asks about a key meanwhile. */
  verify(shard: number, { key, metadata }: KeyQuestion): void {
    const waiting = this.#asked.get(key);
    if (waiting !== undefined) {
      waiting.add(shard);
      return;
    }
    const asked = this.#asked;
    const shards = new Set([shard]);
    asked.set(key, shards);
    void this.#decide(metadata).then((verdict) => {
      asked.delete(key);
      for (const waits of shards) this.#ports.send(waits, { type: 'key-verdict', key, verdict });
    });
  }

  async #decide(metadata: Uint8Array): Promise<KeyVerdict> {
    const [type] = metadata;
    const { tlsCryptV2Verify: command, tmpDir } = this.#config;
    if (command === null) return 'unverified';
    // OpenVPN takes no key without a type either.
    if (type === undefined) return 'refuse';
    const file = join(tmpDir, `shardvpn-metadata-${randomUUID()}`);
    try {
      await writeFile(file, metadata.subarray(1), { mode: 0o600, flag: 'wx' });
      return await this.#ask(command, file, type);
    } catch (error) {
      this.#report(error as Error);
      return 'unverified';
    } finally {
      await rm(file, { force: true }).catch(() => {});
    }
  }

  async #ask(
    command: NonNullable<KeyVerifierConfig['tlsCryptV2Verify']>,
    file: string,
    type: number,
  ): Promise<KeyVerdict> {
    const env = { script_type: command.directive, metadata_type: String(type), metadata_file: file };
    const result = await this.#ports.runner.run(command, env);
    if (result.type !== 'exited') return 'unverified';
    return result.code === 0 ? 'accept' : 'refuse';
  }
  #report({ message }: Error): void {
    if (!this.#faults.maySay('metadata')) return;
    this.#ports.log.error(`tls-crypt-v2-verify: the metadata of a key cannot be written: ${message}; see tmp-dir`);
  }
}
