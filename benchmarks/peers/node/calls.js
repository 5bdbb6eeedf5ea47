// What both peers do of a request, whatever server carries it: the same statements, limits, headers, log
// and answers as ours.
'use strict';
process.env.NODE_ENV = 'production';

const { createSecretKey, randomBytes } = require('node:crypto');
const { readFileSync } = require('node:fs');
const Database = require('better-sqlite3');
const log = require('pino')({ level: 'info' }, require('pino').destination(2));

const [file, statementsFile, secret] = process.argv.slice(2);
const sql = JSON.parse(readFileSync(statementsFile, 'utf8'));
const key = createSecretKey(Buffer.from(secret));

const reader = new Database(file, { readonly: true });
reader.pragma('cache_size = -4096');
const writer = new Database(file);
for (const setting of ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON', 'secure_delete = ON',
  'journal_size_limit = 67108864', 'cache_size = -8192']) writer.pragma(setting);
// better-sqlite3 binds ?1 … by name, which costs an object each time: plain ? in the order of use are
// the same statement. A value that is used twice is passed twice.
const positional = (name) => sql[name].replace(/\?\d+/g, '?');
const read = (name) => reader.prepare(positional(name)).raw();
const page = read('calls.page'), total = read('call_counters.total').pluck();
const onePhone = read('phone_numbers.one'), oneAssistant = read('assistants.one'), oneOrganization = read('organizations.one');
const contactOf = read('contacts.by_number');
const insert = writer.prepare(positional('calls.insert')), fanOut = writer.prepare(positional('webhook_deliveries.fan_out')),
  makeDue = writer.prepare(positional('webhooks.make_due'));

const securityHeaders = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'microphone=(self), camera=(), geolocation=()',
  'Content-Security-Policy': "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self'; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'Cache-Control': 'no-store',
};

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
function ulid() {
  let time = Date.now(), head = '', tail = '';
  for (let i = 0; i < 10; ++i, time = Math.floor(time / 32)) head = alphabet[time % 32] + head;
  for (const byte of randomBytes(16)) tail += alphabet[byte % 32];
  return head + tail;
}

class Problem extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

const text = (value) => value === '' ? null : value;
const time = (value) => value === null ? null : new Date(value).toISOString();

// The columns of calls.page as contracts.md's Call.
function call(row) {
  return {
    id: row[2], orgId: row[3], assistantId: text(row[4]), phoneNumberId: text(row[5]), direction: row[6], channel: row[7],
    status: row[8], endedReason: text(row[9]), customer: { number: text(row[10]), name: text(row[11]) },
    contactId: text(row[12]), createdAt: time(row[1]), startedAt: time(row[13]), answeredAt: time(row[14]),
    endedAt: time(row[15]), duration: row[16] === null ? null : row[16] / 1000, costCents: row[17],
    hasRecording: row[18] !== 0, recordingStatus: row[19], hasTranscript: row[20] !== 0, summary: text(row[21]),
    outcome: text(row[22]), sentiment: { label: text(row[23]), score: row[24] }, toolsUsed: JSON.parse(row[25]),
    appointmentId: text(row[26]), isTest: row[27] !== 0, metadata: JSON.parse(row[28]),
  };
}


const header = /^[A-Za-z0-9._:@+-]{1,128}$/;
function requestId(headers) {
  const sent = headers['x-request-id'];
  return sent && header.test(sent) ? sent : `req_${ulid()}`;
}

function identity(claims) {
  const org = claims.app_metadata?.org_id ?? claims.org_id;
  if (!org) throw new Problem(403, 'no_organization', 'the token names no organization');
  return { org, role: claims.app_metadata?.role ?? claims.role ?? 'viewer' };
}

function bearer({ authorization }) {
  if (!authorization?.startsWith('Bearer ')) throw new Problem(401, 'missing_token', 'send an access token');
  return authorization.slice(7);
}

function dashboard(org, query) {
  const limit = Number(query.get('limit') ?? 20), number = Number(query.get('page') ?? 1);
  if (!Number.isInteger(limit) || limit < 1 || limit > 100 || !Number.isInteger(number) || number < 1 || limit * number > 10_000)
    throw new Problem(422, 'bad_page', 'limit is 1 to 100 and page at least 1');
  const most = Number.MAX_SAFE_INTEGER;
  const rows = page.all(org, most, most, 0, limit + 1, (number - 1) * limit);
  const more = rows.length > limit;
  if (more) rows.pop();
  const last = rows[rows.length - 1];
  const all = total.get(org, 0, null, null, null, null);
  return {
    calls: rows.map(call),
    pagination: {
      page: number, limit, total: all, pages: Math.ceil(all / limit),
      nextCursor: more ? Buffer.from(`${last[1]}.${last[0]}`).toString('base64url') : null,
    },
  };
}

// The row, and what subscribers are to be told.
function store({ values, started: { org, call, at, payload } }) {
  insert.run(...values);
  const type = 'call.started', giveUp = at + 72 * 3_600_000;
  fanOut.run(`evt_${ulid()}`, type, call, payload, at, giveUp, at, org, type);
  makeDue.run(at, at, org, type, at);
}

let waiting = [];
const commit = writer.transaction((batch) => {
  for (const one of batch) store(one);
});
function flush() {
  const batch = waiting;
  waiting = [];
  try {
    commit.immediate(batch);
    for (const one of batch) one.done();
  } catch (error) {
    for (const one of batch) one.done(error);
  }
}
function writeInGroup(values, started, done) {
  if (waiting.push({ values, started, done }) === 1) setImmediate(flush);
}
function writeAlone(values, started, done) {
  commit.immediate([{ values, started }]);
  done();
}
const write = process.argv.includes('--group-commit') ? writeInGroup : writeAlone;

const isId = (value) => typeof value === 'string' && /^[A-Za-z0-9._:@+-]{1,128}$/.test(value);
function e164(value) {
  if (typeof value !== 'string') throw new Problem(400, 'missing_field', 'customer.number is missing');
  const digits = value.replace(/\(0\)/, '').replace(/[\s().\/-]/g, '').replace(/^00/, '+');
  if (!/^\+[1-9]\d{6,14}$/.test(digits)) throw new Problem(400, 'invalid_phone_number', 'customer.number must be E.164');
  return digits;
}

function createCall(who, body, done, fail) {
  if (who.role === 'viewer') throw new Problem(403, 'role_too_low', 'this needs the role manager');
  const { assistantId, phoneNumberId, customer, metadata = {} } = body;
  if (!isId(assistantId)) throw new Problem(400, 'invalid_field', 'assistantId must be an id');
  if (!isId(phoneNumberId)) throw new Problem(400, 'invalid_field', 'phoneNumberId must be an id');
  if (typeof customer !== 'object' || customer === null) throw new Problem(400, 'invalid_field', 'customer must be an object');
  const number = e164(customer.number), name = customer.name ?? '';
  if (!onePhone.get(who.org, phoneNumberId)) throw new Problem(404, 'phone_number_not_found', 'no such number');
  if (!oneAssistant.get(who.org, assistantId)) throw new Problem(404, 'assistant_not_found', 'no such assistant');
  if (!oneOrganization.get(who.org)) throw new Problem(403, 'organization_erased', 'no such organization');
  const contact = contactOf.get(who.org, number);
  const id = `call_${ulid()}`, now = Date.now();
  const made = {
    id, orgId: who.org, assistantId, phoneNumberId, direction: 'outbound', channel: 'sip', status: 'queued',
    endedReason: null, customer: { number, name: text(name) }, contactId: contact ? contact[2] : null, createdAt: time(now),
    startedAt: null, answeredAt: null, endedAt: null, duration: null, costCents: null, hasRecording: false,
    recordingStatus: 'none', hasTranscript: false, summary: null, outcome: null, sentiment: { label: null, score: null },
    toolsUsed: [], appointmentId: null, isTest: false, metadata,
  };
  const payload = JSON.stringify({ type: 'call.started', timestamp: time(now), data: made });
  write([who.org, id, assistantId, phoneNumberId, 'outbound', 'sip', 'queued', number, name, made.contactId ?? '', now, null,
    null, 'none', 0, JSON.stringify(metadata), 'bench', 'boot'], { org: who.org, call: id, at: now, payload },
  (error) => error ? fail(error) : done(made));
}

function problem(error, id) {
  const status = error.status ?? error.statusCode ?? 500;
  if (status >= 500) log.error({ requestId: id, err: error }, 'api.failed');
  return [status, { error: error.message, code: error.code ?? 'internal_error', requestId: id }];
}

module.exports = { bearer, createCall, dashboard, identity, key, Problem, problem, requestId, secret, securityHeaders };
