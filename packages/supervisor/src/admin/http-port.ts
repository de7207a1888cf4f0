/** What a handler gets of a request: everything else (cookies, trailers) is never read. */
export interface HttpRequest {
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The `Authorization` header, '' when there is none. */
  readonly authorization: string;
  /** The `Host` header, '' when there is none. */
  readonly host: string;
  /** The `Origin` header, '' when there is none: web pages send it with every POST. */
  readonly origin: string;
  /** The body of a POST, '' for everything else; null when it is longer than `MAX_BODY_LENGTH`. Rejects when it breaks off. */
  readonly readBody: () => Promise<string | null>;
}

/** Bytes. */
export const MAX_BODY_LENGTH = 1 << 18;

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Must not reject; `HEAD` is answered like `GET`, the adapter leaves the body out. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;

export interface HttpServer {
  /** `uws` or `node`, for the log. */
  readonly engine: string;
  /** The port it got; another than asked for only when that was 0. */
  readonly port: number;
  /** Ends the listener and every connection. Idempotent. */
  close(): Promise<void>;
}

/** Rejects with an Error with an errno name in `code` when the address cannot be had. */
export type ListenHttp = (host: string, port: number, handler: HttpHandler) => Promise<HttpServer>;

/** Splits a request target; a path and query that cannot be read are ''. */
export const parseTarget = (target: string): Pick<HttpRequest, 'path' | 'query'> => {
  const mark = target.indexOf('?');
  return mark < 0
    ? { path: target, query: new URLSearchParams() }
    : { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1)) };
};

/** Reason phrases of the answers that are given. */
export const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Content Too Large',
  422: 'Unprocessable Content',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};
