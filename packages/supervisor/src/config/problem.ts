/** Place of a directive, for messages. */
export interface Place {
  /** File as the user named it, or `command line`. */
  readonly file: string;
  /** 1-based; 0 on the command line. */
  readonly line: number;
}

/** `error` keeps the server from starting, `warning` may hurt, `note` tells what is ignored or assumed. */
export type Severity = 'error' | 'warning' | 'note';

export interface Problem {
  readonly severity: Severity;
  readonly place: Place;
  /** Null where the line itself is at fault. */
  readonly directive: string | null;
  /** What is wrong; how to fix it. */
  readonly message: string;
}

/** `server.conf:12: port: 70000 is not a port; use 1 to 65535`. */
export const problemText = ({ severity, place, directive, message }: Problem): string => {
  const where = place.line > 0 ? `${place.file}:${place.line}` : place.file;
  const kind = severity === 'error' ? '' : `${severity}: `;
  return `${where}: ${kind}${directive === null ? '' : `${directive}: `}${message}`;
};

/** Gathers what is wrong with a configuration, so that one run reports all of it. */
export class ProblemList {
  readonly all: Problem[] = [];

  add(severity: Severity, place: Place, directive: string | null, message: string): void {
    this.all.push({ severity, place, directive, message });
  }

  get errors(): readonly Problem[] {
    return this.all.filter((problem) => problem.severity === 'error');
  }
}
