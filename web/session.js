// Who is signed in on this page: by e-mail and password (the refresh token is a cookie that no script
// reads, the access token lives ten minutes and only in memory), by a token that was pasted into this
// tab, or nobody, which development allows from its own machine.

const pastedKey = 'voxanne.token', signedInKey = 'voxanne.signed-in';
// A refresh token is good once: tabs that share the cookie take turns.
const refreshLock = 'voxanne.refresh';
const renewBefore = 60_000;

export class ApiError extends Error {
  constructor(status, body) {
    super(body?.error ?? `The server answered ${status}.`);
    this.status = status;
    this.code = body?.code;
  }
}

class Session extends EventTarget {
  #access = '';
  #renewal = null;
  #timer = null;

  get token() {
    return this.#access || (sessionStorage.getItem(pastedKey) ?? '');
  }

  /** Whether somebody signed in here who can sign out again. */
  get signedIn() {
    return this.token !== '';
  }

  useToken(text) {
    this.forget();
    sessionStorage.setItem(pastedKey, text);
  }

  async signIn(email, password) {
    this.#accept(await post('/api/auth/login', { email, password }));
  }

  async acceptInvitation(token, name, password) {
    this.#accept(await post('/api/auth/invitation', name ? { token, name, password } : { token, password }));
  }

  /** After a reload: the login that the cookie goes on with, if there is one. */
  async restore() {
    if (localStorage.getItem(signedInKey)) await this.renew();
  }

  /** The next access token. False: there is no login to go on with. */
  renew() {
    if (!this.#access && !localStorage.getItem(signedInKey)) return Promise.resolve(false);
    this.#renewal ??= this.#refresh().finally(() => { this.#renewal = null; });
    return this.#renewal;
  }

  async signOut() {
    const login = localStorage.getItem(signedInKey);
    this.forget();
    if (login) await post('/api/auth/logout', {});
  }

  forget() {
    clearTimeout(this.#timer);
    this.#access = '';
    sessionStorage.removeItem(pastedKey);
    localStorage.removeItem(signedInKey);
  }

  async #refresh() {
    try {
      const refresh = () => post('/api/auth/refresh', {});
      // Browsers offer locks to https:// and localhost only, as they do the microphone.
      this.#accept(await (navigator.locks ? navigator.locks.request(refreshLock, refresh) : refresh()));
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.forget();
      else this.#later(5_000);
      return false;
    }
  }

  #accept({ accessToken, expiresIn }) {
    this.#access = accessToken;
    sessionStorage.removeItem(pastedKey);
    localStorage.setItem(signedInKey, '1');
    this.#later(Math.max(1_000, expiresIn * 1_000 - renewBefore));
    this.dispatchEvent(new Event('renewed'));
  }

  #later(delay) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.renew(), delay);
  }
}

export const session = new Session();

async function post(path, body) {
  const response = await fetch(path, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
  });
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, answer);
  return answer;
}
