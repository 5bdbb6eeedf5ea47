// Values as people read them.

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const dayAndTime = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

export function when(text) {
  if (!text) return '';
  const at = new Date(text);
  return (at.toDateString() === new Date().toDateString() ? time : dayAndTime).format(at);
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return '';
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

export function who(call) {
  if (call.customer.name) return call.customer.name;
  if (call.customer.number) return call.customer.number;
  return call.channel === 'browser' ? 'Browser caller' : 'Unknown number';
}

export const isLive = (call) => call.status === 'queued' || call.status === 'ringing' || call.status === 'in-progress';

const statuses = { queued: 'Queued', ringing: 'Ringing', 'in-progress': 'Live', ended: 'Ended', failed: 'Failed' };
export const status = (call) => statuses[call.status] ?? call.status;

const reasons = {
  'customer-ended-call': 'The caller hung up',
  'assistant-ended-call': 'The assistant said goodbye',
  'assistant-forwarded-call': 'Handed over to a person',
  'silence-timed-out': 'Nobody spoke',
  'exceeded-max-duration': 'Longest duration reached',
  'customer-did-not-answer': 'Not answered',
  'customer-busy': 'Busy',
  'voicemail': 'Reached voicemail',
  'manually-canceled': 'Ended from here',
  'worker-shutdown': 'Cut off by a restart',
};
export const ending = (call) => reasons[call.endedReason] ?? call.endedReason ?? '';

/** An element with its class and children; text becomes text nodes, never markup. */
export function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}
