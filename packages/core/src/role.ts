/** Which side of a connection: decides halves of keys and forms of messages. */
export type Role = 'server' | 'client';
