import { fileURLToPath } from 'node:url';
import type { Host } from '../lab/host.js';
import type { Lab } from '../lab/lab.js';

const ECHO = fileURLToPath(new URL('../programs/udp-echo.js', import.meta.url));
const PROBE = fileURLToPath(new URL('../programs/udp-probe.js', import.meta.url));
const PORT = 7007;
const PACKETS_PER_SECOND = 50;

export interface ProbeResult {
  readonly sent: number;
  readonly roundTripsUs: readonly number[];
}

/** Opens the far end of the probe on the server's host. */
export async function startEcho(lab: Lab): Promise<void> {
  const running = lab.server.start('udp-echo', [process.execPath, ECHO, String(PORT)]);
  await lab.until('the echo is there', () => {
    running.mustRun();
    return running.log().includes('echoing');
  });
}

/** Round trips of 50 packets a second from the host to the echo at this address. */
export async function probeLatency(host: Host, address: string, seconds: number): Promise<ProbeResult> {
  const words = [address, PORT, seconds, PACKETS_PER_SECOND].map(String);
  return JSON.parse(await host.exec([process.execPath, PROBE, ...words])) as ProbeResult;
}
