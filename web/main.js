// The page: signs in when it must, then wires the list, the live events, health and the phone.
import { api, ApiError } from './api.js';
import { Calls } from './calls.js';
import { watchHealth } from './health.js';
import { LiveEvents } from './live.js';
import { session } from './session.js';
import { Transcript } from './transcript.js';
import { WebCall } from './web_call.js';

const byId = (id) => document.getElementById(id);

function notice(text) {
  byId('notice').textContent = text;
  byId('notice').hidden = !text;
}

const connectionLooks = { signedOut: ['', 'Signed out'], connecting: ['', 'Connecting'], live: ['good', 'Live'], offline: ['bad', 'Reconnecting'] };
function showConnection(state) {
  const [look, text] = connectionLooks[state];
  byId('connection').className = `pill ${look}`;
  byId('connection').querySelector('.text').textContent = text;
}

const calls = new Calls();
const live = new LiveEvents({
  onState: showConnection,
  onEvent: (event) => calls.apply(event),
  onResync: () => load(),
  onRefused: async (reason) => {
    if (await session.renew()) live.start();
    else askWho(reason || 'The token is no longer accepted.');
  },
});

async function load() {
  try {
    await calls.load();
    notice('');
  } catch (error) {
    if (error instanceof ApiError && (error.status === 401 || error.status === 403)) askWho(session.signedIn ? error.message : '');
    else notice(`The calls cannot be loaded: ${error.message}`);
    return false;
  }
  return true;
}

// Signing in: one of three cards is shown, the way in, an invitation, or the dashboard.
const invited = () => location.hash.match(/^#\/invitation\/(.+)$/)?.[1];

function show(card) {
  for (const id of ['sign-in', 'invitation', 'dashboard']) byId(id).hidden = id !== card;
  byId('sign-out').hidden = card !== 'dashboard' || !session.signedIn;
}

function askWho(why) {
  live.stop();
  session.forget();
  byId('org').textContent = '';
  notice(why);
  showConnection('signedOut');
  show('sign-in');
  byId('email').focus();
}

async function open() {
  if (invited()) {
    showConnection('signedOut');
    show('invitation');
    return;
  }
  if (!await load()) return;
  await introduce();
  show('dashboard');
  live.start();
}

// Nobody is offered what their role would be refused.
async function introduce() {
  const me = await api('/api/auth/me').catch(() => null);
  byId('org').textContent = me?.organization || me?.orgId || '';
  const viewer = me?.role === 'viewer';
  byId('phone-call').hidden = viewer;
  byId('phone-state').textContent = viewer ? 'Managers and owners can call it from here.' : "Uses this device's microphone. Headphones work best.";
}

function onSubmit(form, enter) {
  byId(form).addEventListener('submit', async (event) => {
    event.preventDefault();
    const button = event.target.querySelector('[type=submit]');
    button.disabled = true;
    try {
      await enter(Object.fromEntries(new FormData(event.target)));
      event.target.reset();
      await open();
    } catch (error) {
      notice(error.message);
    } finally {
      button.disabled = false;
    }
  });
}

onSubmit('login', ({ email, password }) => session.signIn(email, password));
onSubmit('token-form', ({ token }) => session.useToken(token.trim()));
onSubmit('invitation-form', async ({ name, password }) => {
  await session.acceptInvitation(invited(), name.trim(), password);
  // The link is used up, and is nobody's who looks at the address bar or the history.
  history.replaceState(null, '', '/');
});
byId('sign-out').addEventListener('click', async () => {
  try {
    await session.signOut();
    // Nothing of this organization stays on the page.
    location.reload();
  } catch (error) {
    askWho(`Signed out here, but the server could not be told: ${error.message}`);
  }
});
session.addEventListener('renewed', () => live.renew());
addEventListener('hashchange', () => { if (invited()) open(); });

// The phone.
const turns = new Transcript(byId('phone-turns'));
let phone = null, phoneCall = null;

const showLevel = (level) => { byId('phone-level').style.transform = `scaleX(${Math.sqrt(level)})`; };

function showPhone(busy, text) {
  byId('phone-call').hidden = busy;
  byId('phone-hangup').hidden = !busy;
  byId('phone-state').textContent = text;
}

byId('phone-call').addEventListener('click', async () => {
  turns.clear();
  phoneCall = null;
  byId('phone-live').hidden = false;
  showPhone(true, 'Connecting');
  byId('phone-hangup').focus();
  phone = new WebCall({
    onState: (state) => showPhone(true, state === 'talking' ? 'Connected. Speak whenever you like.' : 'Connecting'),
    onLevel: showLevel,
    onCall: (id) => { phoneCall = id; },
    onPartial: (turn) => turns.partial(turn),
    onFinal: (turn) => turns.final(turn),
    onEnded: (text) => {
      phone = null;
      showLevel(0);
      byId('phone-live').hidden = true;
      showPhone(false, text);
      byId('phone-call').focus();
      // From here on it is a call like every other, with its recording.
      if (phoneCall) calls.choose(phoneCall);
    },
  });
  const answer = await api('/api/assistants').catch(() => null);
  const assistant = answer?.assistants[0];
  if (!phone) return;
  if (assistant) phone.start(assistant.id);
  else {
    phone = null;
    showPhone(false, 'There is no assistant yet; create one with POST /api/assistants.');
  }
});
byId('phone-hangup').addEventListener('click', () => {
  if (phone) phone.hangUp();
});
for (const key of '123456789*0#') {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = key;
  button.addEventListener('click', () => phone?.press(key));
  byId('phone-keys').append(button);
}

watchHealth(byId('health'));
await session.restore();
open();
