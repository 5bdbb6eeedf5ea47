// The HTTP API: one function for all calls, with the token of this tab.

const storageKey = 'voxanne.token';

export class ApiError extends Error {
  constructor(status, body) {
    super(body?.error ?? `The server answered ${status}.`);
    this.status = status;
    this.code = body?.code;
  }
}

export const token = {
  get: () => sessionStorage.getItem(storageKey) ?? '',
  set: (value) => sessionStorage.setItem(storageKey, value),
  clear: () => sessionStorage.removeItem(storageKey),
};

export async function api(path, { method = 'GET', body } = {}) {
  const headers = {};
  if (token.get()) headers.Authorization = `Bearer ${token.get()}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await response.text();
  let answer = null;
  try {
    answer = text ? JSON.parse(text) : null;
  } catch {
    // Whatever stands between us and the server answered with something of its own.
  }
  if (!response.ok) throw new ApiError(response.status, answer);
  return answer;
}

/** The address of a WebSocket on the server that served this page. */
export function socketUrl(path) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}
