// The page: signs in when it must, then wires the list, the live events, health and the phone.
import { api, ApiError, token } from './api.js';
import { Calls } from './calls.js';
import { watchHealth } from './health.js';
import { LiveEvents } from './live.js';
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
  onOrganization: (id) => { byId('org').textContent = id; },
  onEvent: (event) => calls.apply(event),
  onResync: () => load(),
  onRefused: (reason) => askForToken(reason || 'The token is no longer accepted.'),
});

async function load() {
  try {
    await calls.load();
    notice('');
  } catch (error) {
    if (error instanceof ApiError && (error.status === 401 || error.status === 403)) askForToken(token.get() ? error.message : '');
    else notice(`The calls cannot be loaded: ${error.message}`);
    return false;
  }
  return true;
}

function askForToken(why) {
  live.stop();
  token.clear();
  notice(why);
  showConnection('signedOut');
  byId('dashboard').hidden = true;
  byId('sign-in').hidden = false;
  byId('token').focus();
}

async function open() {
  if (!await load()) return;
  byId('sign-in').hidden = true;
  byId('dashboard').hidden = false;
  live.start();
}

byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  token.set(byId('token').value.trim());
  byId('token').value = '';
  open();
});

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
open();
