/** One of the servers that are held against each other. */
export interface Side {
  readonly id: string;
  readonly label: string;
  /** This project's server. */
  readonly ours: boolean;
  /** More lines for its server.conf. */
  readonly lines: readonly string[];
  /** The command that starts it from a config file. */
  command(config: string): readonly string[];
}
