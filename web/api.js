// The HTTP API: one function for all calls, as whoever is signed in.
import { ApiError, session } from './session.js';

export { ApiError };

export async function api(path, { method = 'GET', body } = {}) {
  const ask = () => {
    const headers = {};
    if (session.token) headers.Authorization = `Bearer ${session.token}`;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    return fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  };
  let response = await ask();
  // A tab that slept has missed the time to renew its login.
  if (response.status === 401 && await session.renew()) response = await ask();
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

/** What begins a conversation on one, and renews its token. */
export function subscribe(more = {}) {
  return JSON.stringify({ type: 'subscribe', ...(session.token && { token: session.token }), ...more });
}
